"""Content goes in and comes out the same, whatever its size; damage is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsh.core.errors import AgentshError, ConflictError, NotFoundError, StoreDamaged, UsageError
from agentsh.store import Store, blobs
from agentsh.store.packing import PIECE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.db") as opened:
        yield opened


def put(store: Store, path: Path) -> tuple[bytes, int]:
    fd = os.open(path, os.O_RDONLY)
    try:
        return store.put_fd(fd)
    finally:
        os.close(fd)


@pytest.mark.parametrize("size", [0, 1, 100, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 17])
def test_content_comes_back(store: Store, size: int, tmp_path: Path) -> None:
    content = os.urandom(size // 2) + bytes(size - size // 2)
    (tmp_path / "f").write_bytes(content)
    digest, counted = put(store, tmp_path / "f")
    assert (digest, counted) == (blake3(content).digest(), size)
    assert store.put_bytes(content) == digest
    assert store.read_blob(digest) == content
    assert store.blob_size(digest) == size
    with store.open_blob(digest) as stream:
        assert stream.read(10) + stream.read() == content
    assert store.check().problems == ()


@settings(max_examples=50, deadline=None)
@given(content=st.binary(max_size=300), limit=st.integers(0, 400))
def test_small_pieces_join_again(content: bytes, limit: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blobs, "PIECE", 64)
        with Store.open(tmp_path_factory.mktemp("s") / "store.db") as store:
            digest = store.put_bytes(content)
            assert b"".join(store.blob_pieces(digest)) == content
            assert store.read_blob(digest, limit) == content[:limit]


def test_equal_content_is_kept_once(store: Store, tmp_path: Path) -> None:
    (tmp_path / "zeros").touch()
    os.truncate(tmp_path / "zeros", 64 * PIECE)
    before = store.size()
    digest, size = put(store, tmp_path / "zeros")
    assert size == 64 * PIECE
    assert store.size() - before < 64 * 1024
    assert sum(map(len, store.blob_pieces(digest))) == size


def test_unknown_content(store: Store) -> None:
    assert not store.has_blob(b"x" * 32)
    with pytest.raises(NotFoundError):
        store.read_blob(b"x" * 32)
    with pytest.raises(NotFoundError):
        store.open_blob(b"x" * 32)


def test_only_regular_files_have_content(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        put(store, tmp_path)


def test_file_that_changes_while_it_is_read(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read again until it holds still; never a mixture of two states."""
    path = tmp_path / "f"
    path.write_bytes(b"a" * 100)
    real, reads = os.pread, []

    def pread(fd: int, count: int, offset: int) -> bytes:
        data = real(fd, count, offset)
        reads.append(offset)
        if len(reads) == 1:
            path.write_bytes(b"b" * 101)
        return data

    monkeypatch.setattr(os, "pread", pread)
    digest, _ = put(store, path)
    assert store.read_blob(digest) == b"b" * 101
    assert len(reads) == 2


def test_file_that_never_holds_still(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"")
    real = os.pread

    def pread(fd: int, count: int, offset: int) -> bytes:
        with path.open("ab") as f:
            f.write(b"x")
        return real(fd, count, offset)

    monkeypatch.setattr(os, "pread", pread)
    with pytest.raises(ConflictError):
        put(store, path)


@pytest.mark.parametrize("size", [100, PIECE + 100])
@pytest.mark.parametrize("column", ["data", "digest"])
def test_altered_content_is_never_handed_out(store: Store, size: int, column: str) -> None:
    content = os.urandom(size)
    digest = store.put_bytes(content)
    with store._db.write() as connection:
        connection.execute(
            f"UPDATE blobs SET {column} = CAST(CASE hex(substr({column}, 1, 1)) WHEN '00' THEN x'01' ELSE x'00' END"  # noqa: S608
            f" || substr({column}, 2) AS BLOB) WHERE codec <> 2"
            " AND id = (SELECT min(id) FROM blobs)"
        )
    with pytest.raises((StoreDamaged, NotFoundError)):
        store.read_blob(digest)
    assert not store.check().ok


def test_threads_share_a_store(store: Store) -> None:
    failures: list[BaseException] = []

    def work(n: int) -> None:
        try:
            for i in range(20):
                content = b"%d" % (i * n)
                assert store.read_blob(store.put_bytes(content)) == content
        except BaseException as e:  # noqa: BLE001 - reported below
            failures.append(e)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []


_LARGE = """
import os, resource, sys
from pathlib import Path
from agentsh.store import Store
store = Store.open(Path(sys.argv[1]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
fd = os.open(sys.argv[2], os.O_RDONLY)
digest, size = store.put_fd(fd)
total = sum(len(p) for p in store.blob_pieces(digest))
assert size == total == os.fstat(fd).st_size, (size, total)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_a_gigabyte_needs_little_memory(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as f:
        for n in range(64):
            f.write(b"%d" % n * 1000)
            f.seek((n + 1) * 16 * 1024 * 1024)
        f.truncate(1 << 30)
    run = subprocess.run(
        [sys.executable, "-c", _LARGE, str(tmp_path / "store.db"), str(tmp_path / "large")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(run.stdout) < 64 * 1024  # KiB


def test_full_disk_is_told_and_loses_nothing(store: Store) -> None:
    kept = store.put_bytes(b"kept")
    with store._db.bare() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(AgentshError) as caught:
        store.put_bytes(os.urandom(1_000_000))
    assert caught.value.exit_code == 6
    assert "disk is full" in caught.value.what
    assert store.read_blob(kept) == b"kept"
    assert store.check().problems == ()
