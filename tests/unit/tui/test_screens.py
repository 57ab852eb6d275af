"""Pictures of the screens in each of their states, on the smallest terminal and on a common one."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from agentsh import Workspace
from agentsh.tui.prompt import Prompt
from agentsh.tui.work import Work
from tests.unit.tui.conftest import Desk, Hands

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])

Compare = Callable[..., bool]
Flow = Callable[[Hands], Awaitable[None]]


def pictured(desk: Desk, compare: Compare, size: tuple[int, int], flow: Flow) -> bool:
    async def before(pilot: Pilot[Any]) -> None:
        hands = Hands(pilot.app, pilot)  # type: ignore[arg-type]
        await hands.ready()
        prompt = pilot.app.screen.query_one(Prompt)
        prompt.cursor_blink = False
        prompt._pause_blink(visible=True)  # wherever in its blinking it was stopped
        await flow(hands)
        await pilot.pause()

    return compare(desk.app(), terminal_size=size, run_before=before)


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
