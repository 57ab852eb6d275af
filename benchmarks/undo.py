"""Commits and restores of ten files in trees of many, and the scan of all of it beside its floor.

``python -m benchmarks.undo [--files 230 10000 120000] [--rounds 20] [--at DIRECTORY]``; DIRECTORY gets the trees. The
floor of a scan is ``os.scandir`` and ``lstat`` of everything. That of a restore is what it promises, in plain calls:
each content read, hashed and proved, written beside the old one and synced, and three transactions. The waits for the
disk are what a power cut asks for of that. A restore and a commit are held against the floor of a restore, everything
else against that of a scan.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from blake3 import blake3
from zstandard import ZstdCompressor, ZstdDecompressor

from agentsh.core.effect import FileEffect
from agentsh.core.entry import Entry, EntryType
from agentsh.core.history import Moment
from agentsh.core.tree import Tree
from agentsh.runtime.commit import commit_effects
from agentsh.runtime.restore import restore_plan
from agentsh.runtime.snapshot import take_snapshot
from agentsh.store import Store
from benchmarks.measure import Row, interleaved, table
from benchmarks.subjects import files

TEN = 10


def floor(tree: Tree) -> int:
    """Look at everything once, as ``os.scandir`` and ``lstat`` do it."""
    seen, todo = 0, [tree.path]
    while todo:
        with os.scandir(todo.pop()) as found:
            for entry in found:
                entry.stat(follow_symlinks=False)
                seen += 1
                if entry.is_dir(follow_symlinks=False):
                    todo.append(os.fsencode(entry.path))
    return seen


class Undo:
    """A workspace in which ten files, one in each of ten directories, change and change back."""

    def __init__(self, home: Path, number: int) -> None:
        files(home / "w", number)
        self.store, self.tree = Store.open(home / "data" / "store.db"), Tree(home / "w")
        self.first = take_snapshot(self.store, self.tree).snapshot
        step = max(1, number // TEN)
        self.paths = [b"d%03d/f%05d.txt" % (i // 100, i) for i in range(0, step * TEN, step)]
        self.old = self.store.last_seen(self.paths)[0]
        content = b"another content\n"
        self.new = Entry(EntryType.FILE, 0o644, len(content), self.store.put_bytes(content))

    def commit(self) -> None:
        """The change of ten files by an action lands."""
        effects = [FileEffect(p, self.old[p], self.new) for p in self.paths]
        done = commit_effects(self.store, self.tree, kind="commit", actions=[], effects=effects)
        assert len(done.paths) == TEN

    def restore(self) -> None:
        """The ten files get the content back that they had at first: found, compared, written, recorded."""
        plan = restore_plan(self.store, self.tree, Moment(self.first), self.paths)
        done = commit_effects(self.store, self.tree, kind="restore", actions=[], effects=plan.effects, seen=plan.seen)
        assert len(done.paths) == TEN

    def scan(self) -> None:
        """All of it."""
        take_snapshot(self.store, self.tree)

    def floor(self) -> None:
        """What a scan cannot do without."""
        assert floor(self.tree)

    def close(self) -> None:
        """Give the tree and the store up."""
        self.tree.close()
        self.store.close()


class Least:
    """What a restore of ten files asks for by its promises, in plain calls: no product of ours in between.

    Of each file the content that is there is read and hashed, to be kept; the one to come is read from a database,
    unpacked and proved, written beside it with mode and time, and synced; the two change names, and what came out is
    read and hashed once more before it goes. Directories are synced. Before, between and after it the database has a
    durable transaction with a row for each.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self.directories = [home / str(n) for n in range(TEN)]
        self.database = sqlite3.connect(home / "db", isolation_level=None)
        self.database.execute("PRAGMA journal_mode = WAL").fetchone()
        self.database.execute("PRAGMA synchronous = FULL")
        self.database.execute("CREATE TABLE contents(digest BLOB PRIMARY KEY, data BLOB)")
        self.database.execute("CREATE TABLE log(file INTEGER, digest BLOB, body TEXT)")
        self.contents = [b"%d some content\n" % n * 40 for n in range(2 * TEN)]
        packed = ((blake3(c).digest(), ZstdCompressor(level=1).compress(c)) for c in self.contents)
        self.database.executemany("INSERT INTO contents VALUES (?, ?)", packed)
        for n, directory in enumerate(self.directories):
            directory.mkdir()
            (directory / "file").write_bytes(self.contents[n])
        self.n = 0

    def __call__(self) -> None:
        """Ten files get the other of their two contents."""
        self.n += TEN
        new = [blake3(self.contents[(self.n + i) % (2 * TEN)]).digest() for i in range(TEN)]
        for directory in self.directories:
            _hash(directory / "file")
        self._record(new)
        for directory, digest in zip(self.directories, new, strict=True):
            (data,) = self.database.execute("SELECT data FROM contents WHERE digest = ?", (digest,)).fetchone()
            content = ZstdDecompressor().decompress(data)
            assert blake3(content).digest() == digest
            fd = os.open(directory / "new", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.write(fd, content)
            os.fchmod(fd, 0o644)
            os.utime(fd, ns=(time.time_ns(), 1_700_000_000_000_000_000))
            os.fsync(fd)
            os.close(fd)
        self._record(new)
        for directory in self.directories:
            (directory / "file").rename(directory / "old")
            (directory / "new").rename(directory / "file")
            _hash(directory / "old")
            (directory / "old").unlink()
        for directory in self.directories:
            fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
            os.fsync(fd)
            os.close(fd)
        self._record(new)

    def _record(self, digests: list[bytes]) -> None:
        with self.database:
            self.database.execute("BEGIN IMMEDIATE")
            self.database.executemany("INSERT INTO log VALUES (?, ?, ?)", ((n, d, "") for n, d in enumerate(digests)))


def _hash(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    size = os.fstat(fd).st_size
    content = os.pread(fd, size + 1, 0)
    assert len(content) == os.fstat(fd).st_size
    os.close(fd)
    return blake3(content).digest()


class Disk:
    """The waits for the disk that a commit of ten files cannot do without, and nothing else."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self.directories = [home / str(n) for n in range(TEN)]
        for directory in self.directories:
            directory.mkdir()
        self.log = os.open(home / "log", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.n = 0

    def __call__(self) -> None:
        """Ten files written, synced and renamed, their directories synced, and two records of a log synced."""
        self.n += 1
        for directory in self.directories:
            fd = os.open(directory / "new", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.write(fd, b"content %d\n" % self.n)
            os.fsync(fd)
            os.close(fd)
            (directory / "new").rename(directory / "old")
        for directory in self.directories:
            fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
            os.fsync(fd)
            os.close(fd)
        for _ in range(2):
            os.pwrite(self.log, b"x" * 4096 * 4, self.n % 64 * 16384)
            os.fdatasync(self.log)


def measure(home: Path, number: int, rounds: int) -> list[Row]:
    """The rows of one size of tree."""
    undo, still = Undo(home / "changing", number), Undo(home / "still", number)
    still.scan()  # what was written within a tick of the clock is read twice
    calls = {
        "commit of ten": undo.commit,
        "restore of ten": undo.restore,
        "floor of a restore": Least(home / "least"),
        "waits for the disk": Disk(home / "disk"),
        "scan after ten changed": undo.scan,
        "scan": still.scan,
        "floor of a scan": still.floor,
    }
    samples = interleaved(calls, rounds=rounds, warm=3)
    undo.close()
    still.close()
    base, least = samples["floor of a scan"].median, samples["floor of a restore"].median
    goals = {"restore of ten": ("<= 5 ms", 0.005), "scan": ("<= 1.1x floor", 1.1 * base)}
    rows = []
    for name, s in samples.items():
        text, bound = goals.get(name, ("", 0.0))
        met = s.median <= bound if text else None
        ratio = s.median / (least if name.endswith("of ten") else base)
        rows.append(Row(f"undo, {number} files", name, s.median, s.spread, ratio, text, met))
    return rows


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[230, 10_000, 120_000])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--at", type=Path, default=None)
    arguments = parser.parse_args()
    rows: list[Row] = []
    for number in arguments.files:
        with tempfile.TemporaryDirectory(dir=arguments.at) as home:
            rows += measure(Path(home), number, arguments.rounds)
    sys.stdout.write(table(rows) + "\n")


if __name__ == "__main__":
    main()
