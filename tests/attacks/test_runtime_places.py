"""Reaching agentsh's own files: the store, the staging view, configuration, what is written about errors."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentsh import Workspace
from agentsh.cli import boundary
from agentsh.core.errors import ConfigError

if TYPE_CHECKING:
    from .conftest import Opener


def test_files_of_ours_are_for_nobody_else(opener: Opener, root: Path, tmp_path: Path):
    (root / "secret").write_text("secret")
    before = os.umask(0)
    try:
        ws = opener()
        ws.exec("cat secret > copy")
        ws.approve(["a1"])
        ws.commit()
        ws.close()
    finally:
        os.umask(before)
    (home,) = (tmp_path / "data" / "workspaces").iterdir()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    for path in [p for p in home.iterdir() if p.is_file()]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_traceback_is_for_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AGENTSH_DATA_DIR", str(tmp_path))
    (tmp_path / "errors").mkdir(mode=0o755)
    where = boundary._keep_traceback(ValueError("content"))
    assert where is not None
    assert stat.S_IMODE(where.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["open to all", "open to a group", "symlink", "file", "shared above"])
def test_a_data_directory_that_others_prepared(opener: Opener, tmp_path: Path, kind: str):
    opener().close()
    (home,) = (tmp_path / "data" / "workspaces").iterdir()
    match kind:
        case "open to all":
            home.chmod(0o777)
        case "open to a group":
            home.chmod(0o770)
        case "shared above":
            home.parent.chmod(0o777)
        case _:
            home.rename(tmp_path / "elsewhere")
            if kind == "symlink":
                home.symlink_to(tmp_path / "elsewhere")
            else:
                home.write_text("")
    with pytest.raises(ConfigError):
        opener()


def test_a_data_directory_of_someone_else(opener: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    opener().close()
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    if tmp_path.stat().st_uid == 0:
        (home,) = (tmp_path / "data" / "workspaces").iterdir()
        os.chown(home, 4712, -1)
    with pytest.raises(ConfigError):
        opener()


def test_a_policy_that_the_workspace_brings_along(
    root: Path, opener: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A slip in a preset's name, or a relative name in the configuration, opens no file of the workspace."""
    monkeypatch.chdir(root)
    for name in ("strict", "mine.toml"):
        (root / name).write_text('preset = "trusted"\n')
    with pytest.raises(ConfigError):
        opener(policy="strict")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text('policy = "mine.toml"\n')
    with pytest.raises(ConfigError):
        opener()
    (tmp_path / "config" / "mine.toml").write_text('preset = "read-only"\n')
    assert opener().policy.land.rule == "read-only"


def test_a_workspace_that_holds_the_store(tmp_path: Path):
    for data in (tmp_path, tmp_path / "below", tmp_path / "link"):
        if data.name == "link":
            (tmp_path / "real").mkdir()
            data.symlink_to(tmp_path / "real")
        with pytest.raises(ConfigError):
            Workspace.open(tmp_path, data_dir=data)


@pytest.mark.parametrize("place", ["data", "config", "cache"])
def test_reading_our_own_files_through_a_symlink(opener: Opener, root: Path, tmp_path: Path, place: str):
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / "secret").write_text("precious")
    (root / "absolute").symlink_to(tmp_path / place)
    (root / "relative").symlink_to(f"../{place}")
    ws = opener()
    record = ws.exec(
        "cat absolute/secret relative/secret; ls absolute/ relative/; grep -r precious . ; head relative/*"
    )
    assert b"precious" not in ws.output(record.id) + ws.output(record.id, "stderr")
    assert not record.changes
