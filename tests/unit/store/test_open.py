"""Opening: private, quick, and clear about what is no store."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agentsh.core.errors import StoreDamaged, UsageError, WorkspaceBusy
from agentsh.store import Store
from agentsh.store.schema import APPLICATION_ID, VERSION

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_its_owner_can_read_it(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        with Store.open(tmp_path / "data" / "store.db") as store:
            store.put_bytes(b"secret")
            modes = {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "data").iterdir()}
    finally:
        os.umask(old)
    assert modes
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_a_file_left_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    Store.open(tmp_path / "s").close()
    (tmp_path / "s").chmod(0o644)
    Store.open(tmp_path / "s").close()
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"not a database at all", b"\0" * 4096, b"SQLite format 3\0" + b"\xff" * 5000])
def test_not_a_database(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(StoreDamaged):
        Store.open(tmp_path / "s")
    assert (tmp_path / "s").read_bytes() == content


def test_a_database_of_something_else(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "s")
    db.execute("CREATE TABLE t (x)")
    db.commit()
    db.close()
    with pytest.raises(StoreDamaged):
        Store.open(tmp_path / "s")


def test_a_newer_format(tmp_path: Path) -> None:
    Store.open(tmp_path / "s").close()
    db = sqlite3.connect(tmp_path / "s")
    db.execute("CREATE INDEX newer ON states(snapshot)")
    db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    with pytest.raises(UsageError) as caught:
        Store.open(tmp_path / "s")
    assert "newer" in caught.value.what
    assert "Upgrade" in caught.value.next_step


def test_a_symlink_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "s").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError):
        Store.open(tmp_path / "s")
    assert not (tmp_path / "elsewhere").exists()


def test_header_marks_the_file(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store, store._db.read() as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_current_store_opens_without_the_migrator(tmp_path: Path) -> None:
    Store.open(tmp_path / "s").close()
    code = (
        "import sys; from pathlib import Path; from agentsh.store import Store;"
        "Store.open(Path(sys.argv[1])).actions();"
        "sys.exit(any(m in sys.modules for m in ('sqlite_utils', 'zstandard', 'blake3')))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "s")], check=False).returncode == 0


def test_two_processes_create_it_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from agentsh.store import Store;"
        "Store.open(Path(sys.argv[1])).put_bytes(b'x')"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "s")]) for _ in range(3)]
    assert [r.wait() for r in runs] == [0, 0, 0]
    with Store.open(tmp_path / "s") as store:
        assert store.check().problems == ()


def test_readers_see_the_last_state_while_another_writes(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as writer, Store.open(tmp_path / "s") as reader:
        writer.start_session("one", "m", "p")
        with writer._db.write():
            writer.start_session("two", "m", "p")
            assert [s.task for s in reader.sessions()] == ["one"]
        assert [s.task for s in reader.sessions()] == ["one", "two"]


def test_a_writer_that_does_not_end_is_named(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as first, Store.open(tmp_path / "s") as second:
        with second._db.bare() as connection:
            connection.execute("PRAGMA busy_timeout = 1")
        with first._db.write(), pytest.raises(WorkspaceBusy):
            second.start_session("t", "m", "p")


def test_close_twice(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    store.close()
    store.close()
