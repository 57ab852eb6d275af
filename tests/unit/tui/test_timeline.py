"""The timeline: what is in it, what of it is shown, and the ways back from it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from textual import events
from textual.widgets import Input

from agentsh import Workspace
from agentsh.core.errors import UsageError
from agentsh.tui.entries import TimelineList
from agentsh.tui.filtering import Filter
from benchmarks.timeline import fill
from tests.unit.tui.conftest import Desk, Hands


def landed(workspace: Workspace, line: str) -> str:
    action = workspace.exec(line).id
    workspace.approve([action])
    workspace.commit()
    return action


def entries(hands: Hands) -> TimelineList:
    return hands.app.screen.query_one(TimelineList)


async def timeline(hands: Hands, *texts: str) -> None:
    await hands.press("ctrl+t")
    await hands.on("TimelineScreen")
    await hands.sees(*texts)


async def go_to(hands: Hands, id_: str) -> None:
    """The cursor on an entry."""
    ids = [line.entry.id for line in entries(hands).lines]
    entries(hands).cursor = ids.index(id_)
    await hands.until(lambda: hands.app.screen._diffed == id_)


async def answer(hands: Hands, text: str) -> None:
    """A line to a question."""
    await hands.on("AskLine")
    hands.app.screen.query_one(Input).value = text
    await hands.press("enter")
    await hands.on("TimelineScreen")


def shown_ids(hands: Hands) -> list[str]:
    return [line.entry.id for line in entries(hands).lines]


# -- what is in it -----------------------------------------------------------------------------------------------


def test_it_is_a_graph_of_actions_commits_undos_and_own_edits(desk: Desk) -> None:
    with desk.workspace() as workspace:
        landed(workspace, "echo one > a.txt")
        (desk.root / "mine.txt").write_text("mine\n")  # nothing has seen it yet
        workspace.exec("echo two > b.txt")
        landed(workspace, "echo three > c.txt")
        workspace.revert(["a1"])
        (desk.root / "later.txt").write_text("later\n")  # nor this

    async def flow(hands: Hands) -> None:
        await timeline(hands, "changed outside agentsh", "revert a1")
        rows = [" ".join(row.split()) for row in hands.rows("#entries")]
        by_id = dict(zip(shown_ids(hands), rows, strict=True))
        assert by_id["a1"].startswith("│ ←")
        assert "undone" in by_id["a1"]
        assert by_id["a2"].startswith("│ ?")
        assert by_id["c2"].startswith("●─┤ c2")  # a2 waits beside it
        assert by_id["c1"].startswith("●─╮ c1")
        assert by_id["a4"].startswith("│ ● a4 revert a1")
        own = [row for row in rows if " yours " in row]
        assert len(own) == 2  # what was there at first, and what the person did since
        assert rows.index(own[0]) == 0
        await hands.sees("A later.txt", "A mine.txt")

    desk.drive(flow)


def test_what_is_typed_there_is_text(desk: Desk) -> None:
    hostile = "echo x # \x1b[2J\u202e[red]"
    with desk.workspace() as workspace:
        landed(workspace, "echo a > a.txt")
        workspace.exec(hostile)

    async def flow(hands: Hands) -> None:
        await timeline(hands, "commit a1")
        assert "\\x1b[2J" in hands.text()
        await hands.press("f")
        await answer(hands, "\x1b]52;c;x\x07 [bold]")
        await hands.sees("0 entries of", "\\x1b]52", "[bold]")
        assert not {"\x1b", "\x07", "\u202e"} & set(hands.text())

    desk.drive(flow)


# -- what of it is shown -----------------------------------------------------------------------------------------


def test_a_filter_shows_at_once_whatever_is_being_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(desk.root, desk.data, 197)
    gate, held, read = threading.Event(), threading.Event(), Workspace.timeline

    def slow(workspace: Workspace, **limit: Any) -> Any:
        held.set()
        assert gate.wait(60)
        return read(workspace, **limit)

    async def flow(hands: Hands) -> None:
        await timeline(hands, "217 entries")
        await hands.pilot.pause()
        monkeypatch.setattr(Workspace, "timeline", slow)
        try:
            await hands.press("f")
            await answer(hands, "commit a100")
            await hands.until(held.is_set)  # being back on the screen, it reads anew: that takes its time
            await hands.sees("2 entries of 217: commit a100", "c10")
            assert shown_ids(hands) == ["c10", "a100"]
        finally:
            gate.set()
        await hands.press("f")
        await answer(hands, "")
        await hands.sees("217 entries")

    desk.drive(flow)


def test_what_is_typed_at_once_is_the_answer(desk: Desk) -> None:
    with desk.workspace() as workspace:
        for n in range(20):
            workspace.exec(f"true {n}")

    async def flow(hands: Hands) -> None:
        await timeline(hands, "20 entries")
        keys = [events.Key("f", "f"), *(events.Key(c, c) for c in "a17"), events.Key("enter", "\r")]
        for key in keys:  # as a terminal sends a quick hand's, or a paste: none waits for what the one before it did
            key.set_sender(hands.app)
            hands.app._driver.send_message(key)
        await hands.sees("1 entry of 20: a17")

    desk.drive(flow)


def test_by_kind_path_and_words(desk: Desk) -> None:
    with desk.workspace() as workspace:
        landed(workspace, "mkdir src; echo 1 > src/a.py")
        landed(workspace, "echo 2 > b.txt")
        workspace.revert(["a2"])
        (desk.root / "src/a.py").write_text("mine\n")

    async def flow(hands: Hands) -> None:
        await timeline(hands, "changed outside agentsh", "revert a2")

        async def filtered(text: str) -> list[str]:
            await hands.press("f")
            await answer(hands, text)
            await hands.until(lambda: hands.app.screen._filter == Filter.parse(text))
            return shown_ids(hands)

        assert await filtered("path:src") == ["s5", "c1", "a1"]
        assert await filtered("path:*.py kind:action") == ["a1"]
        assert await filtered("kind:commit kind:revert") == ["c3", "a3", "c2", "c1"]
        assert await filtered("path:src path:b.txt") == []
        await hands.sees("Nothing here is like that")
        assert await filtered("SRC") == ["a1"]
        await hands.press("f")
        await hands.on("AskLine")
        assert hands.app.screen.query_one(Input).value == "src"
        hands.app.screen.query_one(Input).value = "kind:nothing"
        await hands.press("enter")
        await hands.sees("There is no kind")
        assert {"s1", "a1", "c3"} <= set(await filtered(""))
        seen = []
        for _ in range(6):
            await hands.press("t")
            seen.append(hands.app.screen._filter.text)
        assert seen == ["kind:action", "kind:commit", "kind:revert", "kind:yours", "kind:repair", ""]

    desk.drive(flow)


def test_a_filter_reads_as_it_is_written() -> None:
    for text in ("", "a b", "path:'a b/c' x", "kind:yours path:src", 'it"s', "path:"):
        by = Filter.parse(text)
        assert Filter.parse(by.text) == by, text
    assert Filter.parse("path:'a b/c/'").paths == ("a b/c",)
    with pytest.raises(UsageError, match="no kind"):
        Filter.parse("kind:x")


def test_search_looks_through_whole_titles(desk: Desk) -> None:
    with desk.workspace() as workspace:
        workspace.exec("true # " + "far " * 60 + "needle")
        for n in range(3):
            workspace.exec(f"true {n}")

    async def flow(hands: Hands) -> None:
        await timeline(hands, "true 2")
        await hands.press("slash")
        await answer(hands, "NEEDLE")
        await hands.until(lambda: entries(hands).entry.id == "a1")

    desk.drive(flow)


def test_the_cursor_stays_on_its_entry(desk: Desk) -> None:
    with desk.workspace() as workspace:
        for n in range(4):
            workspace.exec(f"true {n}")

    async def flow(hands: Hands) -> None:
        await timeline(hands, "true 3")
        await go_to(hands, "a2")
        with desk.workspace() as workspace:
            workspace.exec("true again")
        await hands.press("o")
        await hands.on("OutputScreen")
        await hands.press("escape")
        await hands.sees("true again")
        assert entries(hands).entry.id == "a2"

    desk.drive(flow)


def test_what_happens_meanwhile_appears(desk: Desk) -> None:
    with desk.workspace() as workspace:
        landed(workspace, "seq 60 > numbers")

    async def flow(hands: Hands) -> None:
        await timeline(hands, "commit a1")
        await go_to(hands, "a1")
        await hands.sees("A numbers")
        await hands.press("tab", "pagedown")
        at = hands.app.screen.query_one("#diff").cursor
        assert at > 0
        with desk.workspace() as workspace:  # as a model does, in this process or in another one
            workspace.exec("echo later > later")
        await hands.sees("echo later", "pending")
        with desk.workspace() as workspace:
            workspace.reject(["a2"])
        await hands.sees("rejected")
        assert hands.app.screen.query_one("#diff").cursor == at  # who reads is not disturbed
        assert entries(hands).entry.id == "a1"

    desk.drive(flow)


# -- the ways back -----------------------------------------------------------------------------------------------


def test_several_are_chosen_and_reverted_together(desk: Desk) -> None:
    with desk.workspace() as workspace:
        for n in (1, 2, 3):
            landed(workspace, f"echo {n} > f{n}")

    async def flow(hands: Hands) -> None:
        await timeline(hands, "commit a3")
        await go_to(hands, "c3")
        await hands.press("space")
        await hands.sees("1 chosen")
        await go_to(hands, "a1")
        await hands.press("space")
        await hands.sees("2 chosen")
        assert sum("+ " in row[:2] for row in hands.rows("#entries")) == 2
        await hands.press("r")
        await hands.on("RevertScreen")
        await hands.sees("Revert a3 a1?", "2 paths", "D f1", "D f3")
        with desk.workspace() as workspace:  # the same as the command line shows
            preview = workspace.revert(["a3", "a1"], dry_run=True)
        assert [d.path for d in hands.app.screen.query_one("#diff").diffs] == list(preview.paths)
        await hands.press("y")
        await hands.on("TimelineScreen")
        await hands.sees("revert a3 a1")
        assert sorted(p.name for p in desk.root.glob("f*")) == ["f2"]
        assert "chosen" not in hands.lines()[0]

    desk.drive(flow)


def test_what_is_only_staged_is_not_reverted_and_own_edits_say_how(desk: Desk) -> None:
    with desk.workspace() as workspace:
        landed(workspace, "echo 1 > f1")
        workspace.exec("echo 2 > f2")

    async def flow(hands: Hands) -> None:
        await timeline(hands, "commit a1")
        await go_to(hands, "a2")
        await hands.press("r")
        await hands.sees("Only what was committed can be reverted")
        await go_to(hands, "s1")
        await hands.press("r")
        await hands.sees("R brings paths back")

    desk.drive(flow)


def test_a_file_a_hunk_and_lines_of_an_action_are_reverted_alone(desk: Desk) -> None:
    readme = desk.root / "README.md"
    before = readme.read_text()
    with desk.workspace() as workspace:
        landed(workspace, "sed -i s/color/colour/ README.md; echo 1 > other")

    async def flow(hands: Hands) -> None:
        await timeline(hands, "commit a1")
        await go_to(hands, "a1")
        await hands.sees("hunk 2", "A other")
        view = hands.app.screen.query_one("#diff")
        await hands.press("tab", "right_square_bracket", "right_square_bracket")
        assert view.hunk.number == 2
        await hands.press("r")
        await hands.on("RevertScreen")
        await hands.sees("Revert a1 README.md hunk 2?", "1 path")
        await hands.press("y")
        await hands.on("TimelineScreen")
        await hands.until(lambda: "The last color." in readme.read_text())
        assert "The colour of things." in readme.read_text()
        await hands.sees("revert a1 -- README")
        await go_to(hands, "a1")
        await hands.sees("A other")
        view.focus()
        view.cursor = next(y for y, row in enumerate(hands.rows("#diff")) if "A other" in row)
        await hands.press("r")
        await hands.on("RevertScreen")
        await hands.sees("Revert a1 other?")
        await hands.press("y")
        await hands.until(lambda: not (desk.root / "other").exists())
        await hands.on("TimelineScreen")
        await go_to(hands, "a1")
        await hands.sees("hunk 1")
        view.focus()
        view.cursor = next(y for y, row in enumerate(hands.rows("#diff")) if "The colour" in row)
        await hands.press("v", "r")
        await hands.on("RevertScreen")
        await hands.sees("Revert a1 README.md lines")
        await hands.press("y")
        await hands.until(lambda: readme.read_text() == before)

    desk.drive(flow)


def test_a_part_is_of_the_entry_that_is_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with desk.workspace() as workspace:
        for n in (1, 2):
            landed(workspace, f"echo {n} > f{n}")
    gate, read = threading.Event(), Workspace.diff

    def slow(workspace: Workspace, *points: Any) -> Any:
        assert gate.wait(60)
        return read(workspace, *points)

    async def flow(hands: Hands) -> None:
        await timeline(hands, "commit a2")
        await go_to(hands, "a2")
        await hands.sees("A f2")
        monkeypatch.setattr(Workspace, "diff", slow)
        try:
            entries(hands).cursor = shown_ids(hands).index("a1")
            await hands.until(lambda: hands.app.screen._at == "a1")
            await hands.press("tab", "r")  # beside a1 stands what a2 did
            await hands.on("TimelineScreen")
        finally:
            gate.set()
        await hands.sees("A f1")
        await hands.press("r")
        await hands.on("RevertScreen")
        await hands.sees("Revert a1 f1")

    desk.drive(flow)


def test_paths_are_restored_to_a_point_with_a_preview(desk: Desk) -> None:
    app, readme = desk.root / "app.py", desk.root / "README.md"
    first = app.read_text()
    with desk.workspace() as workspace:
        landed(workspace, "echo changed > app.py; echo changed > README.md")
    app.write_text("by hand\n")

    async def flow(hands: Hands) -> None:
        await timeline(hands, "commit a1", "1 path changed outside")
        await go_to(hands, "s1")
        await hands.press("R")
        await answer(hands, "'app.py")
        await hands.sees("A quote is not closed")
        await hands.press("R")
        await hands.on("AskLine")
        await hands.sees("at s1")
        hands.app.screen.query_one(Input).value = "app.py"
        await hands.press("enter")
        await hands.on("RevertScreen")
        await hands.sees("Restore s1 app.py?", "1 path", "by hand", "def load")
        assert app.read_text() == "by hand\n"
        await hands.press("y")
        await hands.on("TimelineScreen")
        await hands.until(lambda: app.read_text() == first)
        assert readme.read_text() == "changed\n"
        await hands.sees("restore s1")
        await go_to(hands, "s1")
        await hands.press("R")
        await hands.on("AskLine")
        hands.app.screen.query_one(Input).value = "nowhere"
        await hands.press("enter")
        await hands.on("RevertScreen")
        await hands.sees("nothing can be done", "nowhere is not in s1")
        await hands.press("escape")
        await hands.on("TimelineScreen")

    desk.drive(flow)


def test_what_changed_since_its_preview_is_shown_again(desk: Desk) -> None:
    with desk.workspace() as workspace:
        landed(workspace, "echo 1 > a; echo 2 > b")

    async def flow(hands: Hands) -> None:
        await timeline(hands, "commit a1")
        await go_to(hands, "a1")
        await hands.press("r")
        await hands.on("RevertScreen")
        await hands.sees("2 paths")
        (desk.root / "b").unlink()
        await hands.press("y")
        await hands.sees("It would change 1 path", "Something changed since")
        assert (desk.root / "a").exists()
        await hands.press("y")
        await hands.until(lambda: not (desk.root / "a").exists())

    desk.drive(flow)


def test_two_points_are_compared(desk: Desk) -> None:
    with desk.workspace() as workspace:
        landed(workspace, "echo 1 > one")
        landed(workspace, "echo 2 > two")
        workspace.exec("echo 3 > staged")
    (desk.root / "mine").write_text("mine\n")

    async def flow(hands: Hands) -> None:
        await timeline(hands, "commit a2", "1 path changed outside")
        await go_to(hands, "c1")
        await hands.press("d")
        await hands.on("CompareScreen")
        await hands.sees("From c1 to now: 2 paths", "A two", "A mine")
        await hands.press("escape")
        await go_to(hands, "c2")
        await hands.press("space")
        await go_to(hands, "s1")
        await hands.press("space", "d")
        await hands.on("CompareScreen")
        await hands.sees("From s1 to c2: 2 paths", "A one", "A two")
        await hands.press("escape")
        await go_to(hands, "c1")
        await hands.press("space", "d")
        await hands.sees("Two entries are compared")
        for id_ in ("c1", "c2", "s1"):
            await go_to(hands, id_)
            await hands.press("space")
        await go_to(hands, "a3")
        await hands.press("d")
        await hands.on("CompareScreen")
        await hands.sees("a3 was never committed")

    desk.drive(flow)


def test_undo_and_redo_go_by_what_is_true_now(desk: Desk) -> None:
    with desk.workspace() as workspace:
        landed(workspace, "echo 1 > one")
        landed(workspace, "echo 2 > two")

    async def flow(hands: Hands) -> None:
        await timeline(hands, "commit a2")
        await hands.press("z", "z")  # at once: the second one is not about the same commit
        await hands.until(lambda: not (desk.root / "two").exists() and not (desk.root / "one").exists())
        await hands.press("z")
        await hands.sees("Nothing is left to undo")
        await hands.press("Z", "Z")
        await hands.until(lambda: (desk.root / "two").exists() and (desk.root / "one").exists())
        await hands.press("Z")
        await hands.sees("Nothing is left to redo")

    desk.drive(flow)


def test_a_first_look_at_a_large_tree_is_not_shown_file_by_file(desk: Desk) -> None:
    for n in range(600):
        (desk.root / f"n{n}").write_text("x")
    with desk.workspace() as workspace:
        landed(workspace, "echo 1 > one")

    async def flow(hands: Hands) -> None:
        await timeline(hands, "commit a1")
        await go_to(hands, "s1")
        await hands.sees("602 paths: agentsh diff s1 --stat")

    desk.drive(flow)
