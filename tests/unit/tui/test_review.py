"""Answers about a part of what is staged, and about what was on the screen alone."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from textual.widgets import Input

from agentsh.core.action import ActionKind, ActionSpec, ActionStatus, Origin
from tests.unit.tui.conftest import Desk, Hands, recording

LINES = [f"line {n}" for n in range(1, 31)]


def text(*gone: int, **at: str) -> str:
    lines = list(LINES)
    for name, line in at.items():
        lines[int(name[1:]) - 1] = line
    return "".join(f"{line}\n" for n, line in enumerate(lines, 1) if n not in gone)


def stage(desk: Desk, new: str, *, name: str = "t.txt") -> None:
    (desk.root / name).write_text(text())
    with desk.workspace() as workspace:
        workspace.stage(name, new.encode())


async def review(hands: Hands) -> None:
    await hands.press("ctrl+r")
    await hands.on("ReviewScreen")
    await hands.sees("a1")


async def reject(hands: Hands, reason: str) -> None:
    await hands.press("x")
    await hands.on("AskLine")
    hands.app.screen.query_one(Input).value = reason
    await hands.press("enter")
    await hands.on("ReviewScreen")


def test_lines_are_chosen_and_approved(desk: Desk) -> None:
    stage(desk, text(12, l10="ten", l14="fourteen"))

    async def flow(hands: Hands) -> None:
        await review(hands)
        diff = hands.app.screen.query_one("#diff")
        await hands.press("tab")
        while "ten" not in hands.rows("#diff")[diff.cursor]:
            await hands.press("down")
        await hands.press("v")
        await hands.sees("2 changed lines chosen")  # the old line and the new one, which go together
        await hands.press("y")
        await hands.sees("[✓] M t.txt", "[ ] M t.txt")
        await hands.press("c")
        await hands.until(lambda: (desk.root / "t.txt").read_text() == text(l10="ten"))

    desk.drive(flow)


def test_what_is_marked_is_what_is_answered(desk: Desk) -> None:
    stage(desk, text(10, 12))  # two deletions with one kept line between: no range of lines means the first alone

    async def flow(hands: Hands) -> None:
        await review(hands)
        diff = hands.app.screen.query_one("#diff")
        await hands.press("tab")
        while "- line 10" not in hands.rows("#diff")[diff.cursor]:
            await hands.press("down")
        await hands.press("v")
        marked = [row for y, row in enumerate(hands.rows("#diff")) if diff.picks(y)]
        await hands.sees(f"{len(marked)} changed line")
        await hands.press("y")
        await hands.sees("[✓]")
        await hands.press("c")
        left = [n for n in (10, 12) if not any(f"- line {n}" in row for row in marked)]
        gone = [n for n in (10, 12) if n not in left]
        await hands.until(lambda: (desk.root / "t.txt").read_text() == text(*gone))

    desk.drive(flow)


def test_a_hunk_and_a_file_are_rejected(desk: Desk) -> None:
    (desk.root / "t.txt").write_text(text())
    with desk.workspace() as workspace:
        workspace.exec("sed -i -e 's/line 2$/two/' -e 's/line 25/later/' t.txt; echo b > b.txt")

    async def flow(hands: Hands) -> None:
        await review(hands)
        await hands.press("tab")
        diff = hands.app.screen.query_one("#diff")
        while diff.hunk is None or diff.hunk.number != 2:
            await hands.press("right_square_bracket")
        await reject(hands, "keep line 25")
        await hands.until(lambda: not any("later" in row for row in hands.rows("#diff")))
        await hands.press("shift+tab")
        await hands.press("g", "down")
        await hands.sees("A b.txt")
        await reject(hands, "no b")
        await hands.until(lambda: not any("b.txt" in row for row in hands.rows("#files")))
        await hands.press("g", "y")
        await hands.sees("[✓] M t.txt")
        await hands.press("c")
        await hands.until(lambda: (desk.root / "t.txt").read_text() == text(l2="two"))
        assert not (desk.root / "b.txt").exists()

    desk.drive(flow)


def test_a_rejection_is_about_what_was_shown(desk: Desk) -> None:
    stage(desk, text(l3="three", l25="later"))

    async def flow(hands: Hands) -> None:
        await review(hands)
        await hands.sees("hunk 2")
        with desk.workspace() as other:
            other.approve(["a1"], hunks={"t.txt": [2]})
        await reject(hands, "")
        await hands.sees("nothing was rejected")
        await hands.sees("[✓] M t.txt")  # and what is true now is shown

    desk.drive(flow)
    with desk.workspace() as workspace:
        assert workspace.show("a1").status is ActionStatus.APPROVED


def test_a_commit_is_of_what_is_on_the_screen(desk: Desk) -> None:
    with desk.workspace() as workspace:
        workspace.exec("echo a > a.txt")
        workspace.exec("echo b > b.txt")

    async def flow(hands: Hands) -> None:
        await review(hands)
        await hands.press("y")
        await hands.sees("[✓] A a.txt")
        with desk.workspace() as other:
            other.approve(["a2"])
        await hands.press("c")
        await hands.sees("not what was shown", "[✓] A b.txt")
        assert not (desk.root / "a.txt").exists()
        await hands.press("c")
        await hands.on("Confirm")
        await hands.sees("not by you on this screen", "a2 b.txt")
        assert "a1 a.txt" not in hands.text()
        await hands.press("y")
        await hands.until((desk.root / "b.txt").exists)
        assert (desk.root / "a.txt").exists()

    desk.drive(flow)


def test_the_class_and_the_reason_stay_on_a_small_screen(desk: Desk) -> None:
    with desk.workspace() as workspace:
        workspace.exec("mkdir -p .github/workflows; seq 100 > .github/workflows/ci.yml; seq 50 > z.txt")

    async def flow(hands: Hands) -> None:
        await review(hands)
        await hands.press("down", "down", "down")
        await hands.sees("ci.yml", "reversible", "asks because:", "! runs-code")
        await hands.press("tab", "G")  # far down in the difference
        await hands.sees("reversible", "asks because:", "! runs-code")

    desk.drive(flow, size=(80, 24))


def test_rows_of_a_database_are_in_the_same_place(desk: Desk) -> None:
    with desk.workspace() as workspace:
        workspace.exec("""sqlite3 d.db 'create table t(a); insert into t values(1)'""")
        workspace.approve(["a1"])
        workspace.commit()
        workspace.exec("""sqlite3 d.db 'insert into t values(42)'""")

    async def flow(hands: Hands) -> None:
        await hands.press("ctrl+r")
        await hands.sees("a2", "SQLite, as SQL +1 -0", "INSERT INTO", "42")
        await hands.press("tab", "G", "y")
        await hands.sees("[✓] M d.db")  # whole: there are no lines to choose from

    desk.drive(flow)


def png(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + bytes(8)


def test_what_is_no_text_is_told_in_words(desk: Desk) -> None:
    (desk.root / "old.txt").write_text("the same\n")
    (desk.root / "i.png").write_bytes(png(10, 20))
    (desk.root / "run.sh").write_text("echo\n")
    with desk.workspace() as workspace:
        workspace.act(ActionSpec(ActionKind.SHELL, {"line": "mv old.txt new.txt; ln -s app.py link; chmod +x run.sh"}))
        workspace.stage("i.png", png(640, 480))

    async def flow(hands: Hands) -> None:
        await review(hands)
        rows = "\n".join(hands.rows("#diff"))
        for words in ("renamed to new.txt", "renamed from old.txt", "symlink", "mode 644 -> 755"):
            assert words in rows
        await hands.press("G")
        await hands.sees("PNG image, 10 x 20, ", "PNG image, 640 x 480, ")

    desk.drive(flow)


def test_code_has_colours_and_hostile_code_has_none_of_its_own(desk: Desk) -> None:
    with desk.workspace() as workspace:
        workspace.stage("c.py", 'def f():\n\treturn "\x1b[31mred\u202e"  # [bold]no[/]\n'.encode())

    async def flow(hands: Hands) -> None:
        await review(hands)
        diff = hands.app.screen.query_one("#diff")
        await hands.until(lambda: diff._syntax)
        spans = [span for y in range(diff.row_count) for span in diff.row(y)]
        assert any(s.text == "def" and "syn-keyword" in s.style for s in spans)
        assert '"\\x1b[31mred\\u202e"' in "".join(s.text for s in spans if "syn-string" in s.style)
        assert "# [bold]no[/]" in "\n".join(hands.rows("#diff"))

    desk.drive(flow)


def test_the_comment_reaches_the_model(desk: Desk, tmp_path: Path) -> None:
    async def flow(hands: Hands) -> None:
        await hands.send("say hello")
        await review(hands)
        await reject(hands, "say it in French")
        await hands.sees("Nothing waits for an answer")
        await hands.press("escape")
        await hands.send("go on")
        await hands.sees("told of what you rejected")

    desk.drive(flow, model=recording(tmp_path))
    with desk.workspace() as workspace:
        messages = workspace.session("r1").messages
        (told,) = [m["content"] for m in messages if m["role"] == "user" and "rejected" in m["content"]]
        assert "The person rejected a1: say it in French" in told


def test_a_hunk_that_the_model_made_is_rejected_by_the_person_alone(desk: Desk) -> None:
    with desk.workspace() as workspace:
        session = workspace.start_session("task", "model")
        spec = ActionSpec(ActionKind.WRITE, {"path": "n.txt", "content": "new\n"}, Origin.AGENT)
        workspace.act(spec, session=session)

    async def flow(hands: Hands) -> None:
        await review(hands)
        await hands.press("x")
        await hands.on("AskLine")
        await hands.sees("The model is told; may be empty")
        await hands.press("escape")
        await hands.on("ReviewScreen")
        await hands.sees("[ ] A n.txt")

    desk.drive(flow)
