"""What actions want to send: listed as it is, and approved by nobody who has not had it on the screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentsh.core.action import ActionKind, ActionSpec, Origin
from agentsh.core.request import RequestState
from tests.unit.egress.servers import TEXT, site
from tests.unit.tui.conftest import Desk, Hands

HOSTILE = "line one\n\x1b[2J\u202eline two\n"


@pytest.fixture
def url(tmp_path: Path) -> str:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text('[http]\nallow = ["api.example"]\n')
    return "https://api.example/items"


def hold(desk: Desk, url: str, *, body: str = HOSTILE) -> None:
    arguments = {"method": "POST", "url": url, "body": body, "headers": {"X-A": "b"}}
    with desk.workspace() as workspace:
        workspace.act(ActionSpec(ActionKind.HTTP, arguments, Origin.AGENT))


def states(desk: Desk) -> list[RequestState]:
    with desk.workspace() as workspace:
        return [r.state for r in workspace.outbox()]


def test_a_yes_comes_after_the_look(desk: Desk, url: str) -> None:
    hold(desk, url)

    async def flow(hands: Hands) -> None:
        await hands.press("ctrl+r")
        await hands.on("ReviewScreen")
        await hands.sees("→ POST https://api.example", "What it would send")
        assert any("→ POST" in row and row.endswith("held") for row in hands.rows("#files"))
        await hands.press("y")
        await hands.sees("look at it", "X-A: b", "Idempotency-Key", "nothing takes it back")
        rows = hands.rows("#request")
        assert "\\x1b[2J\\u202eline two" in rows
        assert states(desk) == [RequestState.HELD]
        await hands.press("up", "y")
        await hands.sees("[✓]")
        assert states(desk) == [RequestState.APPROVED]

    desk.drive(flow, size=(160, 40))


def test_all_is_all_that_was_seen(desk: Desk, url: str) -> None:
    hold(desk, url)
    hold(desk, url, body="second")
    with desk.workspace() as workspace:
        workspace.exec("echo 1 > f")

    async def flow(hands: Hands) -> None:
        await hands.press("ctrl+r")
        await hands.on("ReviewScreen")
        await hands.sees("→ POST")
        await hands.press("down")  # the first request
        await hands.sees("Idempotency-Key")
        await hands.press("Y")
        await hands.on("Confirm")
        await hands.sees("1 request to send, which you have seen", "1 request that you have not seen stays held")
        await hands.press("y")
        await hands.on("ReviewScreen")
        await hands.sees("[✓]")
        assert states(desk) == [RequestState.APPROVED, RequestState.HELD]

    desk.drive(flow, size=(160, 40))


def test_it_goes_with_its_action_and_what_went_wrong_is_told(desk: Desk, tmp_path: Path) -> None:
    with site() as server:
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "config.toml").write_text(f'[http]\ngrant_private = ["{server.host}"]\n')
        server.pages["/items"] = (500, TEXT, b"")
        hold(desk, f"{server.url}/items")
        with desk.workspace() as workspace:
            workspace.approve(["a1"])

        async def flow(hands: Hands) -> None:
            await hands.press("ctrl+r")
            await hands.on("ReviewScreen")
            await hands.sees("a1")
            await hands.press("c")
            await hands.on("Confirm")
            await hands.sees("not by you on this screen", "a1 POST")
            assert not server.asked
            await hands.press("y")
            await hands.until(lambda: server.asked)
            await hands.sees("unknown")

        desk.drive(flow, size=(160, 40))
        assert states(desk) == [RequestState.UNKNOWN]
        assert len(server.asked) == 1
