"""Sealed content through the real program: a server without a keyring, a key that is there and one that is not."""

from __future__ import annotations

import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.attacks.test_sealed_content import MARK, in_the_clear

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Program

NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}


@pytest.fixture
def place(agentsh: Program) -> dict[str, str]:
    configuration = agentsh.root.parent / "configuration"
    configuration.mkdir()
    (configuration / "config.toml").write_text("[store]\nseal_secret_like = true\n")
    return {**NO_KEYRING, "AGENTSH_PASSPHRASE": "correct horse", "AGENTSH_CONFIG_DIR": str(configuration)}


def homes(agentsh: Program) -> list[Path]:
    return [p.parent for p in agentsh.data.rglob("store.db")]


def test_it_works_as_any_file_and_is_nowhere_to_be_read(agentsh: Program, place: dict[str, str]) -> None:
    agentsh("secrets", "init", **place)
    old, new = b"A=" + MARK + b"\nB=1\n", b"A=" + MARK + b"\nB=2\n"
    (agentsh.root / ".env").write_bytes(old)
    agentsh("exec", "sed -i s/B=1/B=2/ .env", **place)
    assert b"+B=2" in agentsh("diff", "a1", **place).stdout
    (home,) = homes(agentsh)
    waiting = {p.relative_to(home).parts[0] for p in home.rglob(".env")}
    assert all(in_the_clear(p) == [] for p in home.iterdir() if p.is_dir() and p.name not in waiting)
    assert not [p for p in home.iterdir() if p.is_file() and MARK in p.read_bytes()]
    agentsh("approve", "a1", **place)
    agentsh("commit", **place)
    assert not [p for p in home.rglob("*") if p.is_file() and MARK in p.read_bytes()], "the staging view has it still"
    assert (agentsh.root / ".env").read_bytes() == new
    agentsh("revert", "a1", **place)
    assert (agentsh.root / ".env").read_bytes() == old
    agentsh("restore", "s2", "--path", ".env", **place)
    patches = agentsh.root.parent / "patches"
    agentsh("export", "--patches", str(patches), **place)
    agentsh("gc", **place)
    report = agentsh.json("check", **place)
    assert report["ok"] is True
    assert report["locked"] == 0
    assert in_the_clear(home) == []
    assert MARK not in (agentsh.root.parent / "configuration" / "secrets.sealed").read_bytes()


def test_no_keyring_is_said_before_the_action(agentsh: Program, place: dict[str, str]) -> None:
    (agentsh.root / ".env").write_bytes(b"A=" + MARK + b"\n")
    refused = agentsh("exec", "echo x > f", code=1, **place)
    assert b"sealed content" in refused.stderr
    assert b"agentsh secrets init" in refused.stderr
    assert b"endpoint" not in refused.stderr
    assert not agentsh.json("log", **place)["entries"]
    assert all(in_the_clear(home) == [] for home in homes(agentsh))


def test_without_the_key_one_can_still_say_no_and_check(agentsh: Program, place: dict[str, str]) -> None:
    agentsh("secrets", "init", **place)
    (agentsh.root / ".env").write_bytes(b"A=" + MARK + b"\nB=1\n")
    agentsh("exec", "sed -i s/B=1/B=2/ .env", **place)
    agentsh("exec", "echo y > .env.local", **place)
    agentsh("exec", "echo z > f", **place)
    wrong = {**place, "AGENTSH_CONFIG_DIR": str(agentsh.root.parent / "elsewhere")}
    agentsh("reject", "a1", **wrong)
    assert agentsh.json("check", **wrong)["locked"] > 0
    text = agentsh("check", **wrong)
    assert b"key" in text.stdout + text.stderr
    approved = agentsh("approve", "a2", **wrong)
    assert b"Traceback" not in approved.stderr
    before = (agentsh.root / ".env").read_bytes()
    assert b"key" in agentsh("commit", code=1, **wrong).stderr
    assert (agentsh.root / ".env").read_bytes() == before
    assert not (agentsh.root / ".env.local").exists()
    agentsh("commit", **place)
    assert (agentsh.root / ".env.local").read_bytes() == b"y\n"


def test_a_branch_has_no_sealed_path_that_git_lacks(agentsh: Program, place: dict[str, str]) -> None:
    agentsh("secrets", "init", **place)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    (agentsh.root / "known.pem").write_bytes(b"A=" + MARK + b"\n")
    subprocess.run([*git, "init", "-q"], cwd=agentsh.root, check=True)
    subprocess.run([*git, "add", "known.pem"], cwd=agentsh.root, check=True)
    subprocess.run([*git, "commit", "-qm", "first"], cwd=agentsh.root, check=True)
    agentsh("exec", "--commit", "echo B=2 >> known.pem; echo hidden-words > new.pem; echo plain > f", **place)
    wrong = {**place, "AGENTSH_CONFIG_DIR": str(agentsh.root.parent / "elsewhere")}
    refused = agentsh("export", "--git-branch", "without", code=1, **wrong)
    assert b"key" in refused.stderr
    assert not list((agentsh.root / ".git").glob("fast_import_crash*")), "git had not begun"
    done = agentsh.json("export", "--git-branch", "work", **place)
    assert [p["path"] for p in done["left_out"]] == ["new.pem"]

    def shown(*words: str) -> bytes:
        return subprocess.run([*git, *words], cwd=agentsh.root, check=True, capture_output=True).stdout

    assert shown("ls-tree", "-r", "--name-only", "work").split() == [b"f", b"known.pem"]
    assert shown("show", "work:known.pem") == b"A=" + MARK + b"\nB=2\n"
    assert b"without" not in shown("branch")
    told = agentsh("export", "--git-branch", "again", **place)
    assert b"sealed" in told.stderr
    assert b"new.pem" in told.stderr


def test_a_repair_without_the_key_says_what_is_affected_and_saves_the_rest(
    agentsh: Program, place: dict[str, str]
) -> None:
    agentsh("secrets", "init", **place)
    (agentsh.root / "one.pem").write_bytes(b"one " + MARK)
    (agentsh.root / "two.pem").write_bytes(b"two " + MARK * 100)
    agentsh("exec", "--commit", "echo y > f", **place)
    agentsh("exec", "--commit", "echo z > two.pem", **place)
    (home,) = homes(agentsh)
    with sqlite3.connect(home / "store.db") as db:
        db.execute("PRAGMA foreign_keys = OFF")
        changed = db.execute(
            "UPDATE blobs SET data = CAST(x'00' || substr(data, 2) AS BLOB) WHERE id = (SELECT s.blob FROM states s"
            " JOIN paths p ON p.id = s.path WHERE p.name = x'74776f2e70656d' ORDER BY s.snapshot LIMIT 1)"
        )
        assert changed.rowcount == 1
    db.close()
    wrong = {**place, "AGENTSH_CONFIG_DIR": str(agentsh.root.parent / "elsewhere")}
    done = agentsh("check", "--repair", **wrong)
    said = done.stdout + done.stderr
    assert b"two.pem" in said
    assert b"one.pem" not in said
    assert b"given up" in said
    assert b"could not be opened" in said
    assert agentsh.json("check", **place)["ok"] is True
    agentsh("revert", "a1", **place)
    assert not (agentsh.root / "f").exists()
    (agentsh.root / "one.pem").unlink()
    agentsh("restore", "s1", "--path", "one.pem", **place)
    assert (agentsh.root / "one.pem").read_bytes() == b"one " + MARK
    assert b"given up" in agentsh("revert", "a2", code=7, **place).stderr
