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


TAKING_BACK = [f"{point}:{n}" for point in OUTBOX_POINTS for n in (2, 3) if point != "outbox.written"]
WITHDRAWING = [f"commit.{p}:2" for p in ("after-intent", "path-switched", "before-done", "after-done")]


@pytest.mark.parametrize("point", [*TAKING_BACK, "outbox.written:3", "outbox.written:5", *WITHDRAWING])
def test_killed_while_a_failure_is_put_right(agentsh: Program, server: Site, point: str) -> None:
    # The first request is made, the second is refused, the first is taken back, and so are the files.
    server.pages["/items"] = (201, {"Content-Type": "application/json"}, b'{"id": 7}')
    server.pages["/no"] = (422, TEXT, b"")
    server.pages["/items/7"] = (204, {}, b"")
    agentsh("exec", "echo 1 > f")
    agentsh("http", "POST", f"{server.url}/items", "--data", "{}", "--undo", f"DELETE {server.url}/items/{{id}}")
    agentsh("http", "POST", f"{server.url}/no", "--data", "{}")
    agentsh("approve", "a1", "a2", "a3")

    assert commit(agentsh, point) == -9

    agentsh("status")
    arrived = {headers["idempotency-key"]: path for _, path, headers in server.asked}
    assert len(arrived) == len(server.asked), "each once at most"
    requests = agentsh.json("outbox")["requests"]
    went = ("sent", "refused", "undone")
    for request in requests:
        if request["idempotency_key"] in arrived:
            assert request["state"] in (*went, "unknown")
        else:
            assert request["state"] in ("held", "approved", "unknown")
    assert agentsh.json("check")["ok"] is True
    there = (agentsh.root / "f").exists()
    states = {r["id"]: r["state"] for r in requests}
    if point in WITHDRAWING:
        assert states == {"q1": "undone", "q2": "refused", "q3": "sent"}
        assert not there
        assert "a1" in agentsh.pending()
    else:
        assert there, "the files of a commit stand while something of it does"

    for id_, state in states.items():
        if state == "unknown":
            agentsh("outbox", id_, "--again", code=1 if id_ == "q2" else 0)
    if agentsh.pending():
        agentsh("approve", *agentsh.pending())
        agentsh("commit", code=1 if states["q2"] == "approved" else 0)
    by_path: dict[str, set[str]] = {}
    for _, path, headers in server.asked:
        by_path.setdefault(path, set()).add(headers["idempotency-key"])
    assert all(len(keys) == 1 for keys in by_path.values()), "a repetition can be told by its key"
    assert not [r for r in agentsh.json("outbox")["requests"] if r["state"] in ("held", "sending", "unknown")]
    assert agentsh.json("check")["ok"] is True
