"""Record what the person, or anything else outside agentsh, changed since the last snapshot.

The whole workspace is scanned where all of it matters: before the first commit, when a session begins, for the log, for
a comparison with now, and for a restore of more than some files. A commit looks at its own paths alone.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ConflictError
from agentsh.core.faults import fault_point
from agentsh.core.tree import entry_type
from agentsh.runtime.apply import is_directory, parents
from agentsh.runtime.observe import observe, signature

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from agentsh.core.history import Signature
    from agentsh.core.tree import Tree
    from agentsh.store import Store

    Progress = Callable[[int, int], None]
    """Told now and then: paths seen, bytes read."""

_TICK_NS = 20_000_000
"""Two writes within one tick of the clock that stamps files can look alike: a younger signature proves nothing."""

_BATCH_FILES, _BATCH_BYTES = 200, 32 * 1024 * 1024
_EVERY = 1000


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found.

    Attributes:
        snapshot: the snapshot that describes the workspace now; the latest one when nothing had changed.
        changed: paths that differ from the snapshot before it.
        special: sockets, devices and FIFOs: named, never kept.
        unreadable: paths that could not be read; they are taken to be as they were.
    """

    snapshot: str
    changed: tuple[bytes, ...] = ()
    special: tuple[bytes, ...] = ()
    unreadable: tuple[bytes, ...] = ()


def take_snapshot(store: Store, tree: Tree, *, progress: Progress | None = None) -> Scan:
    """Make sure that a snapshot describes the workspace as it is now, reading only what changed.

    Everything is in it: ignored and untracked files, nested repositories, empty directories. Nothing is followed.

    Args:
        store: receives the content.
        tree: the workspace.
        progress: told now and then how far it is.

    Raises:
        StoreDamaged: the store cannot be read.
        LimitExceeded: the disk is full; no snapshot is recorded.
    """
    latest = store.latest_snapshot()
    known = store.manifest(latest) if latest else {}
    scanner = _Scanner(store, tree, known, store.signatures(), progress)
    scanner.run(scanner.walk())
    gone = {p: None for p in known if p not in scanner.seen and not scanner.hidden(p)}
    states: dict[bytes, Entry | None] = {**scanner.states, **gone}
    fault_point("snapshot.before-record")
    if states or latest is None:
        latest = store.record_snapshot(states, signatures=scanner.signatures)
    else:
        store.update_signatures(scanner.signatures)
    fault_point("snapshot.recorded")
    return Scan(latest, tuple(sorted(states)), tuple(scanner.special), tuple(scanner.unreadable))


def look_at(
    store: Store,
    tree: Tree,
    paths: Collection[bytes],
    *,
    leaving: Collection[bytes] = (),
    progress: Progress | None = None,
) -> Scan:
    """Make sure that the latest snapshot is right about some paths and the directories above them; look at no others.

    Where a directory has given way to something else, all that was below it is known to be gone. In a workspace that
    was never looked at, all of it is.

    Args:
        store: receives the content.
        tree: the workspace.
        paths: the paths.
        leaving: directories among them that are about to go: what was known below them is looked at, too.
        progress: told how far the first snapshot is.

    Raises:
        StoreDamaged: the store cannot be read.
        LimitExceeded: the disk is full; no snapshot is recorded.
    """
    latest = store.latest_snapshot()
    if latest is None:
        return take_snapshot(store, tree, progress=progress)
    known, signed = store.last_seen({*paths, *(d for p in paths for d in parents(p))}, below=leaving)
    wanted = sorted({*known, *paths, *(d for p in paths for d in parents(p))})
    scanner = _Scanner(store, tree, known, signed, progress)
    scanner.run(scanner.each(wanted))
    gone: dict[bytes, Entry | None] = {p: None for p in known if p not in scanner.seen and p not in scanner.unreadable}
    states = {**scanner.states, **gone}
    fallen = [p for p, e in known.items() if is_directory(e) and p in states and not is_directory(states[p])]
    states |= dict.fromkeys(store.last_seen((), below=fallen)[0])
    fault_point("snapshot.before-record")
    if states:
        latest = store.record_snapshot(states, signatures=scanner.signatures, whole=False)
    else:
        store.update_signatures(scanner.signatures)
    fault_point("snapshot.recorded")
    return Scan(latest, tuple(sorted(states)), tuple(scanner.special), tuple(scanner.unreadable))


class _Scanner:
    def __init__(
        self,
        store: Store,
        tree: Tree,
        known: Mapping[bytes, Entry],
        signed: Mapping[bytes, Signature],
        progress: Progress | None,
    ) -> None:
        self._store = store
        self._tree = tree
        self._known = known
        self._signed = signed
        self._progress = progress
        self._bytes = 0
        self.seen: set[bytes] = set()
        self.states: dict[bytes, Entry | None] = {}
        self.signatures: dict[bytes, Signature | None] = {}
        self.special: list[bytes] = []
        self.unreadable: list[bytes] = []
        self._closed: list[bytes] = []

    def run(self, found: Iterator[tuple[bytes, os.stat_result]]) -> None:
        """Look at paths with what ``lstat`` says of them; read the files that have changed."""
        to_read: list[tuple[bytes, os.stat_result]] = []
        waiting = 0
        for path, st in found:
            self.seen.add(path)
            if self._progress and len(self.seen) % _EVERY == 0:
                self._progress(len(self.seen), self._bytes)
            if not self._look(path, st):
                to_read.append((path, st))
                waiting += st.st_size
                if len(to_read) >= _BATCH_FILES or waiting >= _BATCH_BYTES:
                    self._read(to_read)
                    to_read, waiting = [], 0
        self._read(to_read)

    def hidden(self, path: bytes) -> bool:
        """True when ``path`` is below a directory that could not be read."""
        return any(path.startswith(d + b"/") for d in self._closed)

    def each(self, paths: Iterable[bytes]) -> Iterator[tuple[bytes, os.stat_result]]:
        """Those of ``paths`` that are there."""
        for path in paths:
            try:
                st = self._tree.lstat(path)
            except OSError:
                self.unreadable.append(path)
                continue
            if st is not None:
                yield path, st

    def walk(self) -> Iterator[tuple[bytes, os.stat_result]]:
        """All that is in the workspace."""
        todo = [b""]
        while todo:
            directory = todo.pop()
            prefix = directory + b"/" if directory else b""
            try:
                with self._tree.directory(directory) as fd, os.scandir(fd) as it:
                    found = [(prefix + os.fsencode(e.name), e.stat(follow_symlinks=False)) for e in it]
            except FileNotFoundError:
                continue  # removed while scanning: the next snapshot sees it
            except OSError:
                self.unreadable.append(directory)
                self._closed.append(directory)
                continue
            for path, st in found:
                yield path, st
                if stat.S_ISDIR(st.st_mode):
                    todo.append(path)

    def _look(self, path: bytes, st: os.stat_result) -> bool:
        """Deal with a path whose content need not be read; False when it must be."""
        kind = entry_type(st.st_mode)
        if kind is EntryType.FILE:
            old = self._known.get(path)
            return old is not None and old.type is kind and self._signed.get(path) == signature(st)
        if kind is EntryType.OTHER:
            self.special.append(path)
            self.seen.discard(path)
        elif kind is EntryType.DIRECTORY:
            self._note(path, Entry(kind, stat.S_IMODE(st.st_mode), mtime_ns=st.st_mtime_ns))
        else:
            try:
                self._note(path, Entry(kind, target=self._tree.readlink(path), mtime_ns=st.st_mtime_ns))
            except OSError:  # no symlink any more
                self.unreadable.append(path)
        return True

    def _note(self, path: bytes, entry: Entry) -> None:
        if self._known.get(path) != entry:
            self.states[path] = entry

    def _read(self, files: list[tuple[bytes, os.stat_result]]) -> None:
        if not files:
            return
        with self._store.batch():
            for path, st in files:
                try:
                    kept = self._store.excluded is None or not self._store.excluded(path)
                    entry = observe(self._tree, path, self._store.put_fd if kept else self._store.note_fd)
                    now = self._tree.lstat(path)
                except (OSError, ConflictError):  # no right to read it, or it is being written all the time
                    self.unreadable.append(path)
                    continue
                if entry is None or now is None or entry.type is not EntryType.FILE:
                    self.unreadable.append(path)
                    continue
                self._bytes += entry.size
                self._note(path, entry)
                same = signature(now) == signature(st)
                settled = time.time_ns() - now.st_ctime_ns > _TICK_NS
                self.signatures[path] = signature(now) if same and settled else None
        fault_point("snapshot.batch-read")
