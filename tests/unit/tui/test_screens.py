"""Pictures of the screens in each of their states, on the smallest terminal and on a common one."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from agentsh import Workspace
from agentsh.core.errors import ConfigError, StoreDamaged
from agentsh.secrets import Keychain
from agentsh.store import Store
from agentsh.tui.prompt import Prompt
from agentsh.tui.work import Work
from tests.unit.tui.conftest import Desk, Hands

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])

Compare = Callable[..., bool]
Flow = Callable[[Hands], Awaitable[None]]


def pictured(desk: Desk, compare: Compare, size: tuple[int, int], flow: Flow, *, watch: str | None = None) -> bool:
    async def before(pilot: Pilot[Any]) -> None:
        hands = Hands(pilot.app, pilot)  # type: ignore[arg-type]
        if watch is None:
            await hands.ready()
            prompt = pilot.app.screen.query_one(Prompt)
            await hands.until(lambda: prompt.has_focus)  # a line that was painted before has no cursor for good
            prompt.cursor_blink = False
            prompt._pause_blink(visible=True)  # wherever in its blinking it was stopped
        await flow(hands)
        await pilot.pause()

    return compare(desk.app(watch=watch), terminal_size=size, run_before=before)


async def settled(hands: Hands) -> None:
    """Wait until all that was begun is read and shown."""
    await hands.app.workers.wait_for_complete()
    await hands.pilot.pause()
    await hands.app.workers.wait_for_complete()


def staged(desk: Desk) -> None:
    with desk.workspace() as workspace:
        workspace.exec("sed -i s/color/colour/ README.md; chmod +x app.py; ln -s app.py link")
        workspace.stage("app.py", b"def load(path):\n    with open(path) as file:\n        return file.read()\n")
        workspace.exec("mkdir -p .github/workflows; echo 'on: push' > .github/workflows/ci.yml")


async def review(hands: Hands) -> None:
    await hands.press("ctrl+r")
    await hands.on("ReviewScreen")


@SIZES
def test_main_empty(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def flow(hands: Hands) -> None:
        await hands.sees("No model is configured")

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_main_working(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def flow(hands: Hands) -> None:
        await hands.say("!echo started; while true; do true; done")
        await hands.sees("│ started", "working")

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_main_error(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def flow(hands: Hands) -> None:
        await hands.send("!echo (")
        await hands.sees("refused")

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_main_full(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def flow(hands: Hands) -> None:
        await hands.send("!seq 30; sed -i s/color/colour/ README.md; echo 'x = 1' > new.py")
        await hands.send("!rm app.py; echo echo > conftest.py")
        await hands.sees("2 actions to review")

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_review_empty(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def flow(hands: Hands) -> None:
        await review(hands)
        await hands.sees("Nothing waits for an answer")

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_review_loading(
    desk: Desk, snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    staged(desk)
    gate, explain, close = threading.Event(), Workspace.explain, Work.close

    def held(workspace: Workspace, action: str) -> Any:
        gate.wait()
        return explain(workspace, action)

    def closed(work: Work) -> None:
        gate.set()
        close(work)

    monkeypatch.setattr(Workspace, "explain", held)
    monkeypatch.setattr(Work, "close", closed)

    async def flow(hands: Hands) -> None:
        await review(hands)
        await hands.sees("Looking ...")

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_review_error(
    desk: Desk, snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    staged(desk)
    explain = Workspace.explain

    def answered(workspace: Workspace, action: str) -> Any:
        with desk.workspace() as other:
            other.approve([action])  # between the looks at it
        return explain(workspace, action)

    monkeypatch.setattr(Workspace, "explain", answered)

    async def flow(hands: Hands) -> None:
        await review(hands)
        await hands.sees("It could not be read")

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_review_full(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    staged(desk)

    async def flow(hands: Hands) -> None:
        await review(hands)
        files, diff = (hands.app.screen.query_one(f"#{name}") for name in ("files", "diff"))
        while "M app.py" not in hands.rows("#files")[files.cursor]:
            await hands.press("down")
        await hands.until(lambda: diff._syntax)
        await hands.press("tab")
        while "with open" not in hands.rows("#diff")[diff.cursor]:
            await hands.press("down")
        await hands.press("v")
        await hands.sees("changed lines chosen", "reversible")

    assert pictured(desk, snap_compare, size, flow)


# -- the timeline ------------------------------------------------------------------------------------------------


def history(desk: Desk) -> None:
    """Two commits, an undo, something staged, something rejected, and the person's own edit."""
    with desk.workspace() as workspace:
        for line in ("sed -i s/color/colour/ README.md; echo one > notes.txt", "sed -i s/colour/hue/ README.md"):
            workspace.approve([workspace.exec(line).id])
            workspace.commit()
        workspace.revert(["a2"])
        workspace.reject([workspace.exec("rm app.py").id])
        workspace.exec("echo x > staged.txt # \x1b[2J")
    (desk.root / "mine.txt").write_text("mine\n")


async def timeline(hands: Hands) -> None:
    await hands.press("ctrl+t")
    await hands.on("TimelineScreen")
    await hands.sees("changed outside", "revert a2")
    await settled(hands)


async def entry(hands: Hands, id_: str) -> None:
    view = hands.app.screen.query_one("#entries")
    view.cursor = [line.entry.id for line in view.lines].index(id_)
    await hands.until(lambda: hands.app.screen._diffed == id_)
    await settled(hands)


@SIZES
def test_timeline_empty(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def flow(hands: Hands) -> None:
        await hands.press("ctrl+t")
        await hands.sees("Nothing happened here yet")
        await settled(hands)

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_timeline_full(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    history(desk)

    async def flow(hands: Hands) -> None:
        await timeline(hands)
        for id_ in ("a1", "c2"):
            await entry(hands, id_)
            await hands.press("space")
        await entry(hands, "a2")
        await hands.sees("2 chosen", "hunk 1")

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_timeline_filtered(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    history(desk)

    async def flow(hands: Hands) -> None:
        await timeline(hands)
        await hands.press("f")
        await hands.on("AskLine")
        await hands.press(*"path:README.md", "enter")
        await hands.sees("path:README.md")
        await settled(hands)

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_timeline_asks_what_to_show(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    history(desk)

    async def flow(hands: Hands) -> None:
        await timeline(hands)
        await hands.press("f")
        await hands.on("AskLine")
        line = hands.app.screen.query_one(Input)
        line.cursor_blink = False
        await hands.until(lambda: line.has_focus)
        line._pause_blink(visible=True)

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_revert_previewed(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    history(desk)

    async def flow(hands: Hands) -> None:
        await timeline(hands)
        await entry(hands, "a1")
        await hands.press("r")
        await hands.on("RevertScreen")
        await hands.sees("It would change 2 paths")
        await settled(hands)

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_two_points_compared(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    history(desk)

    async def flow(hands: Hands) -> None:
        await timeline(hands)
        await entry(hands, "c1")
        await hands.press("d")
        await hands.on("CompareScreen")
        await hands.sees("From c1 to now: 1 path")
        await settled(hands)

    assert pictured(desk, snap_compare, size, flow)


# -- a conflict --------------------------------------------------------------------------------------------------


def torn(desk: Desk) -> None:
    """The undoing of a1 is in conflict in two places of one file and about another file as a whole."""
    (desk.root / "gone.bin").write_bytes(b"\0one")
    with desk.workspace() as workspace:
        for old, new in (("color", "colour"), ("colour", "hue")):
            line = f"sed -i s/{old}/{new}/ README.md; printf '\\0{new}' > gone.bin; echo {new} >> {new}.txt"
            workspace.approve([workspace.exec(line).id])
            workspace.commit()


async def conflict(hands: Hands) -> None:
    await hands.press("ctrl+t")
    await hands.on("TimelineScreen")
    await hands.sees("commit a2")
    await entry(hands, "a1")
    await hands.press("r")
    await hands.on("ConflictScreen")
    await hands.sees("conflicts to answer")
    await settled(hands)


@SIZES
def test_conflict_begun(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    torn(desk)
    assert pictured(desk, snap_compare, size, conflict)


@SIZES
def test_conflict_answered_by_hunk(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    torn(desk)

    async def flow(hands: Hands) -> None:
        await conflict(hands)
        files = hands.app.screen.query_one("#files")
        files.cursor = next(y for y, row in enumerate(hands.rows("#files")) if "hunk 2" in row)
        await hands.press("b")
        await hands.sees("both, ours first", "1 of 2 answered")
        await settled(hands)

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_conflict_of_no_text(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    torn(desk)

    async def flow(hands: Hands) -> None:
        await conflict(hands)
        files = hands.app.screen.query_one("#files")
        files.cursor = next(y for y, row in enumerate(hands.rows("#files")) if "gone.bin" in row)
        await hands.sees("is no text", "result: not answered")
        await settled(hands)

    assert pictured(desk, snap_compare, size, flow)


# -- sessions, and looking on ------------------------------------------------------------------------------------


def sessions(desk: Desk) -> None:
    with desk.workspace() as workspace:
        for task, status in (("Rename the helper", "done"), ("Fix the \x1b[2J tests", "interrupted"), ("Tidy up", "")):
            session = workspace.start_session(task, "recorded")
            workspace.add_message(session, {"role": "system", "content": "rules"})
            workspace.add_message(session, {"role": "user", "content": task})
            workspace.add_message(session, {"role": "assistant", "content": f"I look at it.\n\n    {task}"})
            if status:
                workspace.end_session(session, status)


@SIZES
def test_sessions_full(
    desk: Desk, snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions(desk)
    monkeypatch.setattr(Store, "size", lambda _self: 12 << 20)  # a page more or less is no other picture

    async def flow(hands: Hands) -> None:
        await hands.press("ctrl+o")
        await hands.sees("Sessions  3  ·  1 running", "Store: 12.0 MiB")
        await settled(hands)

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_watch_empty(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def flow(hands: Hands) -> None:
        await hands.sees("no session yet")

    assert pictured(desk, snap_compare, size, flow, watch="")


@SIZES
def test_watch_full(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    sessions(desk)

    async def flow(hands: Hands) -> None:
        await hands.sees("r3 running", "I look at it.")

    assert pictured(desk, snap_compare, size, flow, watch="")


# -- settings, secrets -------------------------------------------------------------------------------------------


@SIZES
def test_settings_full(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def flow(hands: Hands) -> None:
        await hands.press("f9")
        await hands.sees("(•) review", "(•) dark")
        await settled(hands)

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_settings_ask_for_a_key(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def flow(hands: Hands) -> None:
        await hands.press("f9")
        await hands.sees("(•) review")
        rows = hands.rows("#settings")
        hands.app.screen.query_one("#settings").cursor = next(y for y, r in enumerate(rows) if "main.review" in r)
        await hands.press("enter")
        await hands.on("AskKey")
        await hands.sees("Press the key for: Review")

    assert pictured(desk, snap_compare, size, flow)


async def secrets(hands: Hands) -> None:
    await hands.press("f9")
    await hands.on("SettingsScreen")
    await hands.press("s")
    await hands.on("SecretsScreen")
    await settled(hands)


@SIZES
def test_secrets_empty(
    desk: Desk, snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Keychain, "names", lambda _self: ())

    async def flow(hands: Hands) -> None:
        await secrets(hands)
        await hands.sees("No secret is stored")

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_secrets_full(
    desk: Desk, snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Keychain, "names", lambda _self: ("FREE", "TOKEN"))

    async def flow(hands: Hands) -> None:
        await secrets(hands)
        await hands.sees("FREE", "TOKEN", "Values are never shown")

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_secrets_error(
    desk: Desk, snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Keychain) -> None:
        raise ConfigError("The keyring stays locked.", next_step="Unlock it, then open this again.")

    monkeypatch.setattr(Keychain, "names", refuse)

    async def flow(hands: Hands) -> None:
        await secrets(hands)
        await hands.sees("The keyring stays locked.")

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_sessions_empty(
    desk: Desk, snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "size", lambda _self: 12 << 20)

    async def flow(hands: Hands) -> None:
        await hands.press("ctrl+o")
        await hands.on("SessionsScreen")
        await settled(hands)

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_timeline_error(
    desk: Desk, snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_workspace: Workspace, **_bounds: object) -> Any:
        raise StoreDamaged("The journal cannot be read.", next_step="'agentsh check' says what is affected.")

    async def flow(hands: Hands) -> None:
        monkeypatch.setattr(Workspace, "timeline", damaged)
        await hands.press("ctrl+t")
        await hands.on("TimelineScreen")
        await hands.sees("The journal cannot be read.")

    assert pictured(desk, snap_compare, size, flow)


# -- what an action printed, and help ----------------------------------------------------------------------------


@SIZES
def test_output_full(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def flow(hands: Hands) -> None:
        await hands.send("!seq 60; printf 'a\\033[31mb\\n'; cat not-there")
        await hands.sees("a1")
        hands.app.screen.query_one("#conversation").focus()
        await hands.press("o")
        await hands.on("OutputScreen")
        await settled(hands)
        await hands.press("end")
        await hands.sees("not-there")

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_output_empty(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def flow(hands: Hands) -> None:
        await hands.send("!true")
        await hands.sees("a1")
        hands.app.screen.query_one("#conversation").focus()
        await hands.press("o")
        await hands.sees("It printed nothing.")

    assert pictured(desk, snap_compare, size, flow)


@SIZES
def test_help(desk: Desk, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def flow(hands: Hands) -> None:
        await hands.press("f1")
        await hands.on("HelpScreen")
        await settled(hands)

    assert pictured(desk, snap_compare, size, flow)
