"""The store through the command line: the journal for outsiders, and what a lost or old store looks like."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any


def test_the_journal_is_exported_to_stdout_and_to_a_new_file(agentsh: Any) -> None:
    agentsh("exec", "--commit", "echo secret-content > f")
    lines = agentsh("log", "--export", "-").stdout.splitlines()
    assert json.loads(lines[0])["schema"] == 1
    assert [json.loads(line)["seq"] for line in lines[1:]] == list(range(1, len(lines)))
    assert b"secret-content" not in b"".join(lines)
    target = agentsh.root.parent / "audit.jsonl"
    agentsh("log", "--export", str(target))
    assert target.read_bytes().splitlines() == lines
    assert target.stat().st_mode & 0o777 == 0o600
    assert b"does not exist yet" in agentsh("log", "--export", str(target), code=2).stderr


def test_an_old_copy_put_back_is_told_by_every_command(agentsh: Any) -> None:
    agentsh("exec", "--commit", "echo 1 > f")
    (store,) = agentsh.data.rglob("store.db")
    shutil.copy(store, store.with_name("copy"))
    agentsh("exec", "--commit", "echo 2 > f")
    shutil.copy(store.with_name("copy"), store)
    assert b"older than it was" in agentsh("status").stderr
    assert b"agentsh check" in agentsh("exec", "echo 3 > f", code=7).stderr
    assert (agentsh.root / "f").read_text() == "2\n"
    report = agentsh.json("check", code=7)
    assert any("older than it was" in p for p in report["problems"])
    assert b"check --repair" in agentsh("check", code=7).stderr
    assert b"Repaired in place" in agentsh("check", "--repair").stderr
    assert agentsh("status").stderr == b""
    agentsh("exec", "--commit", "echo 3 > f")
    assert (agentsh.root / "f").read_text() == "3\n"


def test_a_damaged_store_is_told_and_repaired(agentsh: Any) -> None:
    agentsh("exec", "--commit", "seq 1000 > f")
    (store,) = agentsh.data.rglob("store.db")
    whole = store.read_bytes()
    store.write_bytes(bytes(4096) + whole[4096:])
    assert b"agentsh check" in agentsh("status", code=7).stderr
    assert agentsh.json("check", code=7)["repaired"] is None
    report = agentsh.json("check", "--repair")
    assert report["ok"] is True
    assert (store.with_name(report["repaired"]["aside"])).read_bytes()[4096:] == whole[4096:]
    agentsh("revert", "a1")
    assert agentsh.state() == {}


def test_an_excluded_file_is_said_to_be_beyond_undo_before_it_is_approved(agentsh: Any) -> None:
    configuration = agentsh.root.parent / "configuration"
    configuration.mkdir()
    (configuration / "config.toml").write_text('[store]\nexclude = ["*.pem"]\n')
    place = {"AGENTSH_CONFIG_DIR": str(configuration)}
    (agentsh.root / "key.pem").write_text("old-words\n" * 30)
    done = agentsh("exec", "echo new-words > key.pem", **place)
    assert b"cannot be reverted" in done.stdout + done.stderr
    agentsh("approve", "a1", **place)
    agentsh("commit", **place)
    assert (agentsh.root / "key.pem").read_text() == "new-words\n"
    assert b"excludes" in agentsh("revert", "a1", code=2, **place).stderr
    assert (agentsh.root / "key.pem").read_text() == "new-words\n"
    assert agentsh.json("check", **place)["ok"] is True


def test_a_bound_is_kept_to_by_itself_and_a_dry_run_tells(agentsh: Any) -> None:
    configuration = agentsh.root.parent / "configuration"
    configuration.mkdir()
    (configuration / "config.toml").write_text("[store]\nmax_bytes = 1\n")
    agentsh("exec", "--commit", "seq 20000 > f")
    agentsh("exec", "--commit", "seq 30000 > f")
    place = {"AGENTSH_CONFIG_DIR": str(configuration)}
    plan = agentsh.json("gc", "--dry-run", **place)
    assert plan["actions"] == ["a1", "a2"]
    assert agentsh.json("status", **place)["store_max_bytes"] == 1
    assert b"reached" in agentsh("status", **place).stdout
    agentsh("exec", "--commit", "echo x > g", **place)
    agentsh("revert", "a2", code=2)
    agentsh("revert", "a3")
    assert agentsh.json("check")["ok"] is True


def test_status_tells_size_growth_and_when_the_budget_will_be_reached(agentsh: Any) -> None:
    configuration = agentsh.root.parent / "configuration"
    configuration.mkdir()
    (configuration / "config.toml").write_text("[store]\nmax_bytes = 4_000_000\n")
    place = {"AGENTSH_CONFIG_DIR": str(configuration)}
    (agentsh.root / "source").write_bytes(os.urandom(500_000))
    agentsh("exec", "--commit", "true > first", **place)  # what is there from the beginning is no growth
    assert b"reached" not in agentsh("status", **place).stdout
    agentsh("exec", "--commit", "tac source > other", **place)
    now = agentsh.json("status", **place)
    assert now["store_bytes"] > 1_000_000
    assert 500_000 <= now["store_growth"] < 520_000
    days = int((4_000_000 - now["store_bytes"]) / now["store_growth"])
    assert b"reached in %d days" % days in agentsh("status", **place).stdout
