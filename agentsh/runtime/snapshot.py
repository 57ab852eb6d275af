"""Record what the person, or anything else outside agentsh, changed since the last snapshot.

The whole workspace is scanned where all of it matters: before the first commit, when a session begins, for the log, for
a comparison with now, and for a restore of more than some files. A commit looks at its own paths alone.
"""

from __future__ import annotations

import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from agentsh.core.attributes import NO_ATTRIBUTES
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ConflictError
from agentsh.core.faults import fault_point
from agentsh.core.tree import entry_type
from agentsh.runtime import scan
from agentsh.runtime.observe import directory_attributes, observe, signature
from agentsh.runtime.steps import is_directory, parents

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from agentsh.core.history import Listing, Signature
    from agentsh.core.tree import Tree
    from agentsh.runtime.scan import Found
    from agentsh.store import Store

    Progress = Callable[[int, int], None]
    """Told now and then: paths seen, bytes read."""

_BATCH_FILES, _BATCH_BYTES = 200, 32 * 1024 * 1024
_EVERY = 1000
_FEW = 64
"""Directories whose known states are asked for one by one; for more of them all are loaded at once."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found.

    Attributes:
        snapshot: the snapshot that describes the workspace now; the latest one when nothing had changed.
        changed: paths that differ from the snapshot before it.
        special: sockets, devices and FIFOs: named, never kept.
        unreadable: paths that could not be read; they are taken to be as they were.
        states: where some paths alone were looked at, what each of them and each directory above is now, with its
            content in the store.
    """

    snapshot: str
    changed: tuple[bytes, ...] = ()
    special: tuple[bytes, ...] = ()
    unreadable: tuple[bytes, ...] = ()
    states: Mapping[bytes, Entry | None] = field(default_factory=dict)


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
    scanner = _Scanner(store, tree, progress)
    found = _Whole(store, scanner).run(tree, first=latest is None)
    fault_point("snapshot.before-record")
    if found.states or latest is None:
        latest = store.record_snapshot(found.states, signatures=scanner.signatures, listings=found.listings)
    else:
        store.update_signatures(scanner.signatures, found.listings)
    fault_point("snapshot.recorded")
    return Scan(latest, tuple(sorted(found.states)), tuple(scanner.special), tuple(scanner.unreadable))


class _Whole:
    """One scan of the whole workspace.

    Attributes:
        states: the paths that differ from the latest snapshot, with their states.
        listings: marks of the directories that did not fit theirs.
    """

    def __init__(self, store: Store, scanner: _Scanner) -> None:
        self._store = store
        self._scanner = scanner
        self._known = _Known(store)
        self.states: dict[bytes, Entry | None] = {}
        self.listings: dict[bytes, Listing | None] = {}

    def run(self, tree: Tree, *, first: bool) -> Self:
        scanner = self._scanner
        marks = {} if first else self._store.listings()
        visited: list[Found] = []
        gone: set[bytes] = set()
        fallen: list[bytes] = []
        for found in scan.walk(tree, marks, unreadable=scanner.unreadable.append, count=scanner.count):
            known = {} if first else self._known.inside(found.path, scanner)
            prefix = found.path + b"/" if found.path else b""
            there = {prefix + name for name, _ in found.entries}
            scanner.look((prefix + name, st) for name, st in found.entries)
            missing = known.keys() - there
            gone |= missing
            fallen += [p for p in missing if is_directory(known[p])]
            visited.append(found._replace(entries=[]))
        scanner.finish()
        # What is neither a file nor a directory nor a symlink has no state.
        gone |= {p for p in scanner.special if scanner.known.get(p) is not None}
        fallen += [p for p, e in scanner.states.items() if is_directory(scanner.known.get(p)) and not is_directory(e)]
        fallen += [p for p in scanner.special if is_directory(scanner.known.get(p))]
        if fallen:
            gone |= self._store.last_seen((), below=fallen)[0].keys()
        self.states = {**scanner.states, **dict.fromkeys(gone)}
        unsure = {p for p, s in scanner.signatures.items() if s is None}
        unsure = {p.rpartition(b"/")[0] for p in (*unsure, *scanner.special, *scanner.unreadable)}
        for found in visited:
            sure = found.settled and found.path not in unsure
            if sure or found.path in marks:
                self.listings[found.path] = found.listing if sure else None
        return self


class _Known:
    """What the latest snapshot has of a directory: asked for it alone, or for all when many are asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asked = 0
        self._all: dict[bytes, dict[bytes, Entry]] | None = None

    def inside(self, directory: bytes, scanner: _Scanner) -> dict[bytes, Entry]:
        """The states of what is directly in a directory; they and the signatures are told to the scanner."""
        if self._all is None and self._asked < _FEW:
            self._asked += 1
            states, signed = self._store.last_seen((), inside=[directory])
            scanner.signed.update(signed)
        else:
            if self._all is None:
                self._all = {}
                latest = self._store.latest_snapshot()
                for path, entry in (self._store.manifest(latest) if latest else {}).items():
                    self._all.setdefault(path.rpartition(b"/")[0], {})[path] = entry
                scanner.signed.update(self._store.signatures())
            states = self._all.get(directory, {})
        scanner.known.update(states)
        return states


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
    named = {*paths, *(d for p in paths for d in parents(p))}
    known, signed = store.last_seen(named, below=leaving)
    wanted = sorted(named | known.keys())
    scanner = _Scanner(store, tree, progress, known, signed)
    scanner.look(scanner.each(wanted))
    scanner.finish()
    gone: dict[bytes, Entry | None] = {p: None for p in known if p not in scanner.seen and p not in scanner.unreadable}
    states = {**scanner.states, **gone}
    fallen = [p for p, e in known.items() if is_directory(e) and p in states and not is_directory(states[p])]
    if fallen:
        states |= dict.fromkeys(store.last_seen((), below=fallen)[0])
    signatures = {p: s for p, s in scanner.signatures.items() if s is not None or p in signed}
    fault_point("snapshot.before-record")
    if states:
        latest = store.record_snapshot(states, signatures=signatures, whole=False)
    else:
        store.update_signatures(signatures)
    fault_point("snapshot.recorded")
    unsure = {*scanner.special, *scanner.unreadable}
    now = {p: states[p] if p in states else known.get(p) for p in named if p not in unsure}
    return Scan(latest, tuple(sorted(states)), tuple(scanner.special), tuple(scanner.unreadable), now)


class _Scanner:
    def __init__(
        self,
        store: Store,
        tree: Tree,
        progress: Progress | None,
        known: Mapping[bytes, Entry] | None = None,
        signed: Mapping[bytes, Signature] | None = None,
    ) -> None:
        self._store = store
        self._tree = tree
        self._progress = progress
        self._count = self._told = 0
        self._bytes = 0
        self._to_read: list[tuple[bytes, os.stat_result]] = []
        self._waiting = 0
        self.known: dict[bytes, Entry] = dict(known or {})
        self.signed: dict[bytes, Signature] = dict(signed or {})
        self.seen: set[bytes] = set()
        self.states: dict[bytes, Entry | None] = {}
        self.signatures: dict[bytes, Signature | None] = {}
        self.special: list[bytes] = []
        self.unreadable: list[bytes] = []

    def count(self, entries: int) -> None:
        """Tell the progress that so many entries more were looked at."""
        self._count += entries
        if self._progress and self._count - self._told >= _EVERY:
            self._told = self._count - self._count % _EVERY
            self._progress(self._count, self._bytes)

    def look(self, found: Iterable[tuple[bytes, os.stat_result]]) -> None:
        """Look at paths with what ``lstat`` says of them; read the files that have changed, some at a time."""
        for path, st in found:
            self.seen.add(path)
            self.count(1)
            if not self._look(path, st):
                self._to_read.append((path, st))
                self._waiting += st.st_size
                if len(self._to_read) >= _BATCH_FILES or self._waiting >= _BATCH_BYTES:
                    self.finish()

    def finish(self) -> None:
        """Read what is left to be read."""
        files, self._to_read, self._waiting = self._to_read, [], 0
        self._read(files)

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

    def _look(self, path: bytes, st: os.stat_result) -> bool:
        """Deal with a path whose content need not be read; False when it must be."""
        kind = entry_type(st.st_mode)
        if kind is EntryType.FILE:
            old = self.known.get(path)
            return old is not None and old.type is kind and self.signed.get(path) == signature(st)
        if kind is EntryType.OTHER:
            self.special.append(path)
            self.seen.discard(path)
        elif kind is EntryType.DIRECTORY:
            self._note(path, self._directory(path, st))
        else:
            try:
                self._note(path, Entry(kind, target=self._tree.readlink(path), mtime_ns=st.st_mtime_ns))
            except OSError:  # no symlink any more
                self.unreadable.append(path)
        return True

    def _directory(self, path: bytes, st: os.stat_result) -> Entry:
        try:
            with self._tree.parent(path) as (fd, name):
                kept, unkept = directory_attributes(fd, name)
        except OSError:  # no right to read them, or none any more: they are taken to be as they were
            old = self.known.get(path)
            kept, unkept = (old.xattrs, old.unkept) if old is not None else NO_ATTRIBUTES
        mode = stat.S_IMODE(st.st_mode)
        return Entry(EntryType.DIRECTORY, mode, mtime_ns=st.st_mtime_ns, xattrs=kept, unkept=unkept)

    def _note(self, path: bytes, entry: Entry) -> None:
        if self.known.get(path) != entry:
            self.states[path] = entry

    def _read(self, files: list[tuple[bytes, os.stat_result]]) -> None:
        if not files:
            return
        with self._store.batch():
            for path, st in files:
                try:
                    kept = self._store.excluded is None or not self._store.excluded(path)
                    entry = observe(self._tree, path, self._store.put_of(path) if kept else self._store.note_fd)
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
                settled = time.time_ns() - now.st_ctime_ns > scan.TICK_NS
                self.signatures[path] = signature(now) if same and settled else None
        fault_point("snapshot.batch-read")
