"""The sessions of a workspace: how each stands, and going on with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentsh.core.report import Status
from agentsh.tui.prompt import Prompt
from agentsh.tui.sessions import forecast
from tests.unit.tui.conftest import Desk, Hands, recording


def begun(desk: Desk, task: str, status: str, *, said: str = "") -> str:
    """A session as an earlier process left it."""
    with desk.workspace() as workspace:
        session = workspace.start_session(task, "recorded")
        workspace.add_message(session, {"role": "system", "content": "rules"})
        workspace.add_message(session, {"role": "user", "content": task})
        if said:
            workspace.add_message(session, {"role": "assistant", "content": said})
        if status != "running":
            workspace.end_session(session, status)
    return session


async def sessions(hands: Hands) -> None:
    await hands.press("ctrl+o")
    await hands.on("SessionsScreen")


def test_none_yet(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        await sessions(hands)
        await hands.sees("No session yet", "Store: ")
        await hands.press("enter", "w")
        await hands.on("SessionsScreen")
        await hands.press("escape")
        await hands.on("MainScreen")

    desk.drive(flow)


def test_each_is_listed_with_how_it_stands(desk: Desk) -> None:
    begun(desk, "first \x1b[2J thing [red]", "done")
    begun(desk, "second thing", "interrupted")
    begun(desk, "third thing", "running")

    async def flow(hands: Hands) -> None:
        await sessions(hands)
        await hands.sees("Sessions  3  ·  1 running", "third thing", "first \\x1b[2J thing [red]")
        rows = [" ".join(row.split()) for row in hands.rows("#sessions")]
        assert [row.split()[1:3] for row in rows] == [["r3", "running"], ["r2", "interrupted"], ["r1", "done"]]
        assert "\x1b" not in hands.text()
        with desk.workspace() as workspace:  # elsewhere
            workspace.end_session("r3", "failed")
        await hands.sees("failed")

    desk.drive(flow)


def test_one_goes_on_with_what_was_said(desk: Desk, tmp_path: Path) -> None:
    session = begun(desk, "say hello", "interrupted")

    async def flow(hands: Hands) -> None:
        await sessions(hands)
        await hands.sees("say hello")
        await hands.press("enter")
        await hands.on("MainScreen")
        await hands.sees("> say hello", "r1 goes on with what you say next. It was interrupted.")
        assert hands.app.screen.query_one(Prompt).text == "Go on."
        await hands.send("Go on.")
        shown = "\n".join(hands.rows("#conversation"))
        assert "┌ a1 echo hello > greeting.txt" in shown
        assert "session r1" in "\n".join(hands.rows("#side"))

    desk.drive(flow, model=recording(tmp_path))
    with desk.workspace() as workspace:
        assert [s.id for s in workspace.sessions()] == [session]
        assert workspace.session(session).status == "done"
        assert workspace.actions(session)


def test_one_that_runs_is_asked_about(desk: Desk) -> None:
    begun(desk, "still at it", "running")

    async def flow(hands: Hands) -> None:
        await sessions(hands)
        await hands.sees("still at it")
        await hands.press("enter")
        await hands.on("Confirm")
        await hands.sees("said to be running")
        await hands.press("n")
        await hands.on("SessionsScreen")
        await hands.press("enter", "y")
        await hands.on("MainScreen")
        await hands.sees("r1 goes on")

    desk.drive(flow)


def test_one_is_watched_and_left_again(desk: Desk) -> None:
    begun(desk, "old one", "done", said="That was it.")
    begun(desk, "new one", "running", said="I look around.")

    async def flow(hands: Hands) -> None:
        await sessions(hands)
        await hands.sees("old one", "new one")
        await hands.press("w")
        await hands.on("LookOnScreen")
        await hands.sees("I look around.", "r2 running", "read only")
        with desk.workspace() as workspace:
            workspace.add_message("r2", {"role": "assistant", "content": "I found it."})
        await hands.sees("I found it.")
        await hands.press("escape")
        await hands.on("SessionsScreen")
        await hands.press("down", "w")
        await hands.sees("That was it.", "r1 done")
        await hands.press("q", "q")
        await hands.on("MainScreen")

    desk.drive(flow)


@pytest.mark.parametrize(
    ("size", "bound", "growth", "said"),
    [
        (1024, 0, None, "Store: 1.0 KiB; no bound"),
        (1024, 0, 1024.0, "1.0 KiB more a day, so 31.0 KiB in a month; no bound"),
        (1024, 11 * 1024, 1024.0, "bound 11.0 KiB, reached in 10 days"),
        (1024, 11 * 1024, 0.0, "Store: 1.0 KiB; bound 11.0 KiB"),
        (12 * 1024, 11 * 1024, 1024.0, "bound 11.0 KiB, reached: the oldest content goes first"),
        (12 * 1024, 11 * 1024, None, "bound 11.0 KiB, reached: the oldest content goes first"),
    ],
)
def test_how_far_the_store_lasts(size: int, bound: int, growth: float | None, said: str) -> None:
    status = Status("w", "copy", "review", store_bytes=size, store_max_bytes=bound, store_growth=growth)
    assert said in forecast(status)


def test_the_store_is_on_the_screen(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.toml").write_text("[store]\nmax_bytes = 104857600\n")
    with desk.workspace() as workspace:
        for line in ("echo 1 > one", "seq 100000 > numbers"):
            workspace.approve([workspace.exec(line).id])
            workspace.commit()

    async def flow(hands: Hands) -> None:
        await sessions(hands)
        await hands.sees("more a day", "in a month", "bound 100.0 MiB, reached in")

    desk.drive(flow)
