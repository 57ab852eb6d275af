"""Several real processes on one workspace: they take turns, readers wait for nobody, and the dead are no hindrance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agentsh.core.lock import FileLock

from .conftest import PROGRAM, Program

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.slow


def start(agentsh: Program, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **agentsh.environment, "AGENTSH_DATA_DIR": str(agentsh.data)}
    return subprocess.Popen(
        [*PROGRAM, *arguments], cwd=agentsh.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def lock_of(agentsh: Program) -> Path:
    (home,) = (agentsh.data / "workspaces").iterdir()
    return home / "lock"


def test_actions_and_commits_of_many_processes_take_turns(agentsh: Program) -> None:
    (agentsh.root / "shared").write_text("")
    agentsh("exec", "true")
    running = [start(agentsh, "exec", f"echo {n} > own{n}; echo {n} >> shared", "--commit") for n in range(4)]
    for process in running:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    assert sorted((agentsh.root / "shared").read_text().split()) == ["0", "1", "2", "3"]
    assert all((agentsh.root / f"own{n}").read_text() == f"{n}\n" for n in range(4))
    assert agentsh.json("status")["pending"] == []
    assert agentsh.json("check")["ok"]


def test_readers_do_not_wait_and_a_writer_says_for_whom_it_waits(agentsh: Program) -> None:
    (agentsh.root / "t").write_text("one\n")
    agentsh("exec", "echo two >> t", "--commit")
    with FileLock(lock_of(agentsh)):
        for reading in (
            ["status"],
            ["log"],
            ["log", "--graph"],
            ["diff"],
            ["diff", "a1"],
            ["diff", "s1", "now"],
            ["show", "a1"],
        ):
            agentsh(*reading)
        assert b"as of s2" in agentsh("diff", "s1", "now", "--stat").stderr
        writer = start(agentsh, "exec", "echo three >> t")
        assert writer.stderr is not None
        line = writer.stderr.readline().decode()
        assert f"pid {os.getpid()}, since " in line
        assert writer.poll() is None
    writer.communicate(timeout=300)
    assert writer.returncode == 0
    assert agentsh.pending() == ["a2"]


def test_the_lock_of_a_killed_process_is_free_and_its_commit_is_finished(agentsh: Program) -> None:
    (agentsh.root / "t").write_text("one\n")
    agentsh("exec", "echo two >> t; echo x > made")
    agentsh("approve", "a1")
    agentsh("commit", code=-9, AGENTSH_FAULT="commit.path-switched")
    # Another process looks on: it sees all of the commit or nothing, and never waits.
    seen = json.loads(agentsh("status", "--json").stdout)
    assert [r["outcome"] for r in seen["recovered"]] == ["finished"]
    assert (agentsh.root / "t").read_text() == "one\ntwo\n"
    assert (agentsh.root / "made").read_text() == "x\n"
    with FileLock(lock_of(agentsh), wait_s=0):
        pass


def test_no_reader_of_the_store_sees_half_a_commit(agentsh: Program) -> None:
    """One process commits ten paths, again and again, while another asks for the latest snapshot's delta."""
    names = " ".join(f"f{n}" for n in range(10))
    agentsh("exec", f"for f in {names}; do echo 0 > $f; done", "--commit")
    code = (
        "import sys\n"
        "from agentsh import Workspace\n"
        "with Workspace.open('.') as ws:\n"
        "    print('ready', flush=True)\n"
        "    while not sys.stdin.closed and ws.status().last_commit != 'c4':\n"
        "        for entry in ws.log():\n"
        "            if entry.kind.value == 'commit':\n"
        "                assert len(ws.diff(entry.id)) == 10, entry\n"
        "        sizes = {len(ws.diff('s1', s)) for s in [ws.status().last_snapshot]}\n"
        "        assert sizes <= {0, 10}, sizes\n"
    )
    environment = {**os.environ, **agentsh.environment, "AGENTSH_DATA_DIR": str(agentsh.data)}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=agentsh.root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"ready\n"
        for n in range(1, 4):
            agentsh("exec", f"for f in {names}; do echo {n} > $f; done", "--commit")
        reader.communicate(timeout=300)
    assert reader.returncode == 0
