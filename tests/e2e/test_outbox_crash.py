"""A request whose process is killed at any point arrived once at most, and what is said of it is true."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentsh.core.faults import OUTBOX_POINTS
from tests.e2e.conftest import PROGRAM, Program
from tests.unit.egress.servers import TEXT, Site, site

pytestmark = pytest.mark.slow

BODY = '{"name": "x", "note": "' + "y" * 20_000 + '"}'
BEFORE = ["commit.before-intent", "commit.after-intent", "commit.before-done", "commit.after-done"]
POINTS = [*BEFORE, *OUTBOX_POINTS, "outbox.written:2"]
ON_DISK = [f"{point}:{n}" for point in ("store.committed", "head.written") for n in (2, 4, 5, 6)]


@pytest.fixture
def server(agentsh: Program) -> Iterator[Site]:
    with site() as s:
        config = Path(agentsh.environment["AGENTSH_CONFIG_DIR"])
        (config / "config.toml").write_text(f'[http]\ngrant_private = ["{s.host}"]\n')
        s.pages["/items"] = (201, TEXT, b"made")
        yield s


def commit(agentsh: Program, point: str) -> int:
    """Commit, dying at a point; the exit code."""
    done = subprocess.run(
        [*PROGRAM, "commit"],
        cwd=agentsh.root,
        env={**os.environ, **agentsh.environment, "AGENTSH_DATA_DIR": str(agentsh.data), "AGENTSH_FAULT": point},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    return done.returncode


@pytest.mark.parametrize("point", [*POINTS, *ON_DISK])
def test_killed_at(agentsh: Program, server: Site, point: str) -> None:
    agentsh("exec", "echo 1 > f")
    agentsh("http", "POST", f"{server.url}/items", "--data", BODY)
    agentsh("approve", "a1", "a2")
    assert server.asked == []

    code = commit(agentsh, point)
    assert code == -9 or (code == 0 and point in ON_DISK)
    arrived = len(server.asked)
    assert arrived <= 1

    told = agentsh("status")
    [request] = agentsh.json("outbox")["requests"]
    state = request["state"]
    if arrived:
        assert state in ("sent", "unknown")
    assert state in ("approved", "unknown", "sent")
    assert state != "sent" or (arrived and request["status"] == 201)
    if point in BEFORE or point == "outbox.before-sending":
        assert (state, arrived) == ("approved", 0)
    elif point == "outbox.recorded":
        assert state == "sent"
    elif point in OUTBOX_POINTS:
        assert state == "unknown"
    if state == "unknown":
        assert b"recovered: q1 of a2 was being sent" in told.stderr
        assert b"may have arrived" in told.stdout, "said as long as it is so"
        assert b"recovered" not in agentsh("status").stderr, "told once"
        assert b"may have arrived" in agentsh("status").stdout
        if (agentsh.root / "f").exists():
            assert b"unknown" in agentsh("commit", code=4).stderr
    assert agentsh.json("check")["ok"] is True

    if state == "approved":
        agentsh("commit")
        assert len(server.asked) == 1
    elif state == "unknown":
        assert len(server.asked) == arrived, "never sent again by itself"
        agentsh("outbox", "q1", "--again")
        assert len(server.asked) == arrived + 1
        assert len({headers["idempotency-key"] for _, _, headers in server.asked}) == 1
    assert set(server.bodies) == {BODY.encode()}
    [request] = agentsh.json("outbox")["requests"]
    assert (request["state"], request["status"]) == ("sent", 201)
    agentsh("commit")
    assert len(server.asked) <= arrived + 1
    assert (agentsh.root / "f").read_text() == "1\n"
    assert agentsh.pending() == []
    assert agentsh.json("check")["ok"] is True
