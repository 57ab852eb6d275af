"""Conflicts answered on the screen, hunk by hunk, and what lands then."""

from __future__ import annotations

import stat
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.unit.tui.conftest import Desk, Hands

PARTS = ["head\n", "gap\n", "two\n", *(f"same {n}\n" for n in range(20)), "three\n", "tail\n"]


def landed(desk: Desk, line: str) -> None:
    with desk.workspace() as workspace:
        workspace.approve([workspace.exec(line).id])
        workspace.commit()


@pytest.fixture
def torn(desk: Desk) -> Path:
    """A file that a1 changed in two places which a2 changed again, and another one that is in no conflict."""
    path = desk.root / "t.txt"
    path.write_text("".join(PARTS))
    landed(desk, "sed -i 's/two/TWO/; s/three/THREE/' t.txt; echo x > free.txt")
    landed(desk, "sed -i 's/TWO/2/; s/THREE/3/; s/head/HEAD/' t.txt")
    return path


async def conflict(hands: Hands, action: str = "a1") -> None:
    await hands.press("ctrl+t")
    await hands.on("TimelineScreen")
    entries = hands.app.screen.query_one("#entries")
    await hands.until(lambda: action in [line.entry.id for line in entries.lines])
    entries.cursor = [line.entry.id for line in entries.lines].index(action)
    await hands.press("r")
    await hands.on("ConflictScreen")
    await hands.until(lambda: hands.app.screen._spots)


def merged(two: str, three: str) -> str:
    """The file as it is by an answer to both hunks; what is in no conflict stays as a2 left it."""
    return "".join(["HEAD\n", "gap\n", two, *PARTS[3:-2], three, "tail\n"])


def result(hands: Hands) -> str:
    return "\n".join(row.rstrip() for row in hands.rows("#result"))


@pytest.mark.usefixtures("torn")
def test_base_both_sides_and_the_result_are_shown(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        await conflict(hands)
        await hands.sees("1 conflict to answer", "ours, now", "base", "theirs, undone", "Result", "hunk 1", "hunk 2")
        sides = hands.rows("#sides")
        at = next(y for y, row in enumerate(sides) if "ours, now" in row)
        assert [cell.strip() for cell in sides[at + 1].split("│")] == ["2", "TWO", "two"]
        assert any("14 lines that both sides agree on" in row for row in sides)
        assert "? hunk 1 is not answered" in result(hands)
        await hands.sees("In no conflict", "free.txt")
        await hands.press("end")
        await hands.sees("D free.txt", "deleted -1")
        await hands.press("o")
        await hands.sees("in no conflict")

    desk.drive(flow)


@pytest.mark.usefixtures("torn")
def test_on_a_narrow_terminal_they_stand_below_each_other(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        await conflict(hands)
        await hands.until(lambda: any("theirs, undone" in row for row in hands.rows("#sides")))
        rows = [row.strip() for row in hands.rows("#sides")]
        assert rows[rows.index("○ ours, now") :][:6] == ["○ ours, now", "2", "base", "TWO", "○ theirs, undone", "two"]

    desk.drive(flow, size=(60, 24))


@pytest.mark.parametrize(
    ("keys", "two", "three"),
    [
        (("down", "o", "t"), "2\n", "three\n"),
        (("down", "t", "o"), "two\n", "3\n"),
        (("down", "b", "down", "o"), "2\ntwo\n", "3\n"),
        (("down", "b", "b", "down", "b"), "two\n2\n", "3\nthree\n"),
        (("o",), "2\n", "3\n"),
        (("t",), "two\n", "three\n"),
        (("o", "up", "up", "b"), "2\ntwo\n", "3\nthree\n"),
    ],
)
def test_each_hunk_takes_a_side_or_both(desk: Desk, torn: Path, keys: tuple[str, ...], two: str, three: str) -> None:
    before = torn.read_text()

    async def flow(hands: Hands) -> None:
        await conflict(hands)
        await hands.press("y")
        await hands.sees("needs an answer first")
        for key in keys:
            await hands.press(key)
            await hands.pilot.pause()
        await hands.sees("all answered")
        assert [p.read_text() for p in (torn,)] == [before]
        await hands.press("y")
        await hands.on("TimelineScreen")
        await hands.sees("revert a1")

    desk.drive(flow)
    assert torn.read_text() == merged(two, three)
    assert not (desk.root / "free.txt").exists()


def editor(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    path = folder / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(path))


def test_a_hunk_is_written_in_the_editor(
    desk: Desk, torn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, f'cp "$1" {tmp_path}/seen; printf mine > "$1"')

    async def flow(hands: Hands) -> None:
        await conflict(hands)
        monkeypatch.setattr(hands.app, "suspend", nullcontext)  # there is no terminal to hand over
        await hands.press("down", "e")
        await hands.until(lambda: "e mine" in result(hands))
        await hands.press("o")
        await hands.sees("all answered")
        await hands.press("y")
        await hands.on("TimelineScreen")

    desk.drive(flow)
    assert (tmp_path / "seen").read_text().splitlines() == [
        "<<<<<<< now",
        "2",
        "||||||| after a1",
        "TWO",
        "=======",
        "two",
        ">>>>>>> before a1",
    ]
    assert torn.read_text() == merged("mine\n", "3\n")


def test_the_file_is_written_in_the_editor_with_what_is_answered(
    desk: Desk, torn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, f'cp "$1" {tmp_path}/seen; sed -i "/^[<|=>]/d" "$1"')

    async def flow(hands: Hands) -> None:
        await conflict(hands)
        monkeypatch.setattr(hands.app, "suspend", nullcontext)
        await hands.press("down", "t", "E")
        await hands.sees("all answered", "edited as a whole")
        await hands.press("y")
        await hands.on("TimelineScreen")

    desk.drive(flow)
    assert (tmp_path / "seen").read_text().count("<<<<<<<") == 1
    assert torn.read_text() == merged("two\n", "3\nTHREE\nthree\n")


@pytest.mark.usefixtures("torn")
def test_markers_that_are_left_are_refused(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor(tmp_path, monkeypatch, 'echo more >> "$1"')

    async def flow(hands: Hands) -> None:
        await conflict(hands)
        monkeypatch.setattr(hands.app, "suspend", nullcontext)
        await hands.press("down", "e")
        await hands.sees("still has conflicts between markers")
        assert not any(a.done for a in hands.app.screen._answers)

    desk.drive(flow)


def test_permission_bits_are_merged_beside_an_answered_text(desk: Desk) -> None:
    path = desk.root / "run.sh"
    path.write_text("one\nend\n")
    path.chmod(0o644)
    landed(desk, "sed -i s/one/two/ run.sh; chmod +x run.sh")
    landed(desk, "sed -i s/two/three/ run.sh")
    assert stat.S_IMODE(path.stat().st_mode) & 0o111

    async def flow(hands: Hands) -> None:
        await conflict(hands)
        await hands.press("b", "y")
        await hands.on("TimelineScreen")

    desk.drive(flow)
    assert path.read_text() == "three\none\nend\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_an_answer_that_brings_up_another_conflict(desk: Desk) -> None:
    path = desk.root / "f"
    path.write_text("0\n")
    for n in (1, 2, 3):
        landed(desk, f"echo {n} > f")

    async def flow(hands: Hands) -> None:
        await hands.press("ctrl+t")
        await hands.on("TimelineScreen")
        entries = hands.app.screen.query_one("#entries")
        await hands.sees("commit a3")
        for action in ("a1", "a2"):
            entries.cursor = [line.entry.id for line in entries.lines].index(action)
            await hands.press("space")
        await hands.press("r")
        await hands.on("ConflictScreen")
        await hands.until(lambda: hands.app.screen._spots)
        rounds = 0
        while type(screen := hands.app.screen).__name__ == "ConflictScreen":
            rounds += 1
            while not all(answer.done for answer in screen._answers):
                await hands.press("b", "down")
            await hands.press("y")
            await hands.until(lambda before=screen: hands.app.screen is not before)
            await hands.until(lambda: getattr(hands.app.screen, "_spots", True))
        assert rounds == 2
        await hands.on("TimelineScreen")

    desk.drive(flow)
    assert path.read_text().startswith("3\n")


def test_what_is_no_text_takes_a_side_alone(desk: Desk) -> None:
    for n in (1, 2):
        with desk.workspace() as workspace:
            workspace.approve([workspace.stage("b.bin", b"\0%d" % n).id])
            workspace.commit()

    async def flow(hands: Hands) -> None:
        await conflict(hands)
        await hands.sees("ours, now: a file of 2 B", "theirs, undone: nothing", "result: not answered")
        await hands.press("b")
        await hands.sees("take one side")
        await hands.press("e")
        await hands.press("t")
        await hands.sees("all answered", "result: take the undone state")
        await hands.press("y")
        await hands.on("TimelineScreen")

    desk.drive(flow)
    assert not (desk.root / "b.bin").exists()


def test_values_of_secrets_are_not_shown_and_land_all_the_same(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = "s3cr3t-value-0123456789"
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.toml").write_text('[models.m]\nbase_url = "https://m.example"\nkey = "TOKEN"\n')
    monkeypatch.setenv("TOKEN", value)
    path = desk.root / "k.txt"
    path.write_text(f"a {value}\nend\n")
    landed(desk, "sed -i s/^a/b/ k.txt")
    landed(desk, "sed -i s/^b/c/ k.txt")

    async def flow(hands: Hands) -> None:
        await conflict(hands)
        await hands.press("b")
        await hands.until(lambda: "both, ours first" in hands.text())
        shown = "\n".join([*hands.rows("#sides"), *hands.rows("#result")])
        assert value not in shown
        assert "secret:TOKEN" in shown
        await hands.press("y")
        await hands.on("TimelineScreen")

    desk.drive(flow)
    assert path.read_text() == f"c {value}\na {value}\nend\n"


def test_texts_in_conflict_are_shown_and_not_obeyed(desk: Desk) -> None:
    path = desk.root / "h.txt"
    loud = "\x1b]52;c;eA==\x07\x1b[2J\u202e[red]x[/]"
    path.write_text(f"1 {loud}\n")
    for n in (2, 3):
        with desk.workspace() as workspace:
            workspace.approve([workspace.stage("h.txt", f"{n} {loud}\n".encode()).id])
            workspace.commit()

    async def flow(hands: Hands) -> None:
        await conflict(hands)
        await hands.press("b")
        await hands.until(lambda: "3 \\x1b]52" in result(hands))
        shown = hands.text() + "\n".join([*hands.rows("#sides"), result(hands)])
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)
        assert "[red]x[/]" in result(hands)
        await hands.press("s")  # below each other, where a long line is whole
        await hands.until(lambda: "[red]x[/]" in "".join(hands.rows("#sides")))

    desk.drive(flow)
