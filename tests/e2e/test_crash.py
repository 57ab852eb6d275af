"""A commit whose process is killed at any point is all there or not at all once the next command has run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from agentsh.core.faults import COMMIT_POINTS

PATH_POINTS = [f"{p}:{n}" for p in COMMIT_POINTS if ".path" in p or p.endswith("before-path") for n in (2, 3)]


def prepare(agentsh: Any) -> None:
    (agentsh.root / "changed").write_text("old\n")
    (agentsh.root / "removed").write_text("old\n")
    (agentsh.root / "removed").chmod(0o600)
    (agentsh.root / "d").mkdir()
    (agentsh.root / "d" / "f").write_text("old\n")
    agentsh("exec", "echo new > changed; rm -r removed d; mkdir -p n/m; echo new > n/m/f; ln -s changed link")
    agentsh("approve", "a1")


@pytest.fixture
def done(agentsh: Any) -> Any:
    """What the workspace holds when nothing goes wrong, in the same tree."""
    prepare(agentsh)
    start = agentsh.state()
    agentsh("commit")
    end = agentsh.state()
    agentsh("revert", "a1")
    assert agentsh.state() == start
    agentsh("exec", "true")
    return start, end


@pytest.mark.parametrize("point", [*COMMIT_POINTS, *PATH_POINTS])
def test_killed_at(agentsh: Any, done: Any, point: str) -> None:
    start, end = done
    agentsh("exec", "echo new > changed; rm -r removed d; mkdir -p n/m; echo new > n/m/f; ln -s changed link")
    (action,) = agentsh.pending()
    agentsh("approve", action)

    agentsh("commit", code=-9, AGENTSH_FAULT=point)

    told = agentsh("status").stderr
    state = agentsh.state()
    assert state in (start, end), "neither all nor nothing"
    if point == "commit.before-intent":
        assert state == start
        assert told == b""
    elif point != "commit.after-done":
        assert b"recovered: commit" in told
    if point == "commit.after-done":
        assert state == end
    assert b"recovered" not in agentsh("status").stderr, "told once"
    assert agentsh.json("check")["ok"] is True
    if state == start:
        agentsh("commit")
        assert agentsh.state() == end
    agentsh("revert", action)
    assert agentsh.state() == start


def test_a_path_that_a_person_changed_after_the_kill_is_left_alone(agentsh: Any) -> None:
    (agentsh.root / "a").write_text("old\n")
    (agentsh.root / "b").write_text("old\n")
    agentsh("exec", "echo new > a; echo new > b")
    agentsh("approve", "a1")
    agentsh("commit", code=-9, AGENTSH_FAULT="commit.path-renamed:1")
    (agentsh.root / "a").write_text("person a\n")
    (agentsh.root / "b").write_text("person b\n")
    assert b"recovered: commit" in agentsh("status").stderr
    assert (agentsh.root / "a").read_text() == "person a\n"
    assert (agentsh.root / "b").read_text() == "person b\n"


def test_an_action_whose_process_was_killed_stages_nothing(agentsh: Any) -> None:
    environment = {**os.environ, **agentsh.environment, "AGENTSH_DATA_DIR": str(agentsh.data)}
    process = subprocess.Popen(
        [sys.executable, "-m", "agentsh", "exec", "echo 1 > f; echo started; while true; do :; done"],
        cwd=agentsh.root,
        env=environment,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"started\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert b"recovered: a1 was cut short" in agentsh("status").stderr
    assert agentsh("exec", "ls").stdout == b""
    assert agentsh.state() == {}


def test_ctrl_c_stops_an_action_and_stages_nothing(agentsh: Any) -> None:
    environment = {**os.environ, **agentsh.environment, "AGENTSH_DATA_DIR": str(agentsh.data)}
    process = subprocess.Popen(
        [sys.executable, "-m", "agentsh", "exec", "echo 1 > f; echo started; while true; do :; done"],
        cwd=agentsh.root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"started\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"interrupted" in err
    assert agentsh("exec", "ls").stdout == b""
    assert agentsh.state() == {}
