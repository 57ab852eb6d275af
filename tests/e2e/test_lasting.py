"""Approving for longer than once, with the program itself and a person at a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

from tests.e2e.conftest import PROGRAM
from tests.e2e.test_main_path import recording, shell

if TYPE_CHECKING:
    from pathlib import Path

FIX = shell("sed -i s/colour/color/ notes.md")


def work(agentsh: Any, path: Path, *lines: dict[str, Any], resume: str = "", code: int = 4) -> str:
    """Run a model on the workspace; the last action's id."""
    (agentsh.root / "notes.md").write_text("colour\n")
    more = ["--resume", resume] if resume else []
    agentsh("run", "fix it", "--model", recording(path, *lines, {"text": "Done."}), *more, code=code)
    return str(agentsh.json("status")["pending"][-1]["id"]) if code == 4 else ""


def test_always_shows_the_rule_keeps_it_and_is_not_asked_again(agentsh: Any, tmp_path: Path) -> None:
    action = work(agentsh, tmp_path / "r", FIX)
    kept = tmp_path / "config" / "approved.toml"
    unasked = agentsh("approve", action, "--for", "always", code=4)  # nobody is there to read the rule
    assert b'exact = ["notes.md"]' in unasked.stderr
    assert not kept.exists()
    assert agentsh.pending() == [action]
    told = agentsh.json("approve", action, "--for", "always", "--yes")["kept"]
    assert told["place"] == str(kept)
    assert tomllib.loads(told["rules"]) == tomllib.loads(kept.read_text())
    agentsh("commit")
    assert (agentsh.root / "notes.md").read_text() == "color\n"
    work(agentsh, tmp_path / "r", FIX, code=0)
    assert (agentsh.root / "notes.md").read_text() == "color\n"  # committed, and nobody was asked
    assert b"approved-" in agentsh("policy", "show").stdout
    assert b"approved-" in agentsh("policy", "explain", "a2").stdout


def test_a_session_keeps_its_grant_until_it_is_withdrawn(agentsh: Any, tmp_path: Path) -> None:
    action = work(agentsh, tmp_path / "r", FIX)
    agentsh("approve", action, "--for", "session", "--yes")
    agentsh("commit")
    (grant,) = agentsh.json("policy", "grants")["grants"]
    assert (grant["id"], grant["session"], grant["action"]) == ("g1", "r1", action)
    assert b'commands = ["sed"]' in agentsh("policy", "grants").stdout
    assert agentsh("policy", "withdraw", "g1").stdout == b"withdrawn g1\n"
    agentsh("policy", "withdraw", "g1", code=2)
    assert agentsh.json("policy", "grants")["grants"] == []


def test_what_cannot_last_says_why(agentsh: Any, tmp_path: Path) -> None:
    action = work(agentsh, tmp_path / "r", shell("c=sed; $c -i s/colour/color/ notes.md"))
    refused = agentsh("approve", action, "--for", "always", "--yes", code=2).stderr
    assert b"cannot be known beforehand" in refused
    agentsh("exec", "echo x > mine.md")
    assert b"no session" in agentsh("approve", "a2", "--for", "session", "--yes", code=2).stderr
    agentsh("approve", action, "a2", "--for", "always", code=2)
    agentsh("approve", action, "--yes", code=2)


def at_terminal(agentsh: Any, typed: bytes, *arguments: str) -> bytes:
    """Run the program with a person at the other end of a pseudo-terminal."""
    master, slave = pty.openpty()
    env = {**os.environ, **agentsh.environment, "AGENTSH_DATA_DIR": str(agentsh.data), "TERM": "dumb"}
    program = subprocess.Popen(
        [*PROGRAM, *arguments], cwd=agentsh.root, env=env, stdin=slave, stdout=slave, stderr=slave, close_fds=True
    )
    os.close(slave)
    os.write(master, typed)
    seen = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # Linux: the other side is gone
            break
        if not piece:
            break
        seen += piece
    os.close(master)
    assert program.wait(timeout=60) == 0, seen
    return seen


def test_a_person_at_the_terminal_of_a_run(agentsh: Any, tmp_path: Path) -> None:
    (agentsh.root / "notes.md").write_text("colour\n")
    model = recording(tmp_path / "r", FIX, {"text": "Done."})
    seen = at_terminal(agentsh, b"a\nw\ny\n", "run", "fix it", "--model", model)
    assert b"[w]: also always" in seen
    assert seen.index(b'exact = ["notes.md"]') < seen.index(b"Is that meant?")
    assert (tmp_path / "config" / "approved.toml").exists()
    assert (agentsh.root / "notes.md").read_text() == "color\n"


def test_a_person_who_did_not_mean_the_rule(agentsh: Any, tmp_path: Path) -> None:
    (agentsh.root / "notes.md").write_text("colour\n")
    model = recording(tmp_path / "r", FIX, {"text": "Done."})
    at_terminal(agentsh, b"a\ns\nn\n", "run", "fix it", "--model", model)
    assert agentsh.json("policy", "grants")["grants"] == []
    assert agentsh.pending() == ["a1"]
    assert (agentsh.root / "notes.md").read_text() == "colour\n"
