"""A commit's intent carried out: forward, or back to where it began; also when an earlier attempt was cut short."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.entry import Entry, EntryType
from agentsh.runtime.apply import Applier, changed, current_state
from agentsh.runtime.observe import observe_at
from agentsh.runtime.rename import OLD, exchange, rename_new
from agentsh.runtime.steps import is_directory, make_steps, parents, temp_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from agentsh.core.effect import FileEffect
    from agentsh.core.history import CommitRecord
    from agentsh.core.tree import Tree
    from agentsh.store import Store

_OWNER = 0o700


def half_way(effect: FileEffect, now: Entry | None) -> bool:
    """True when ``now`` is a state that the change passes on its way: never a file's, whose change is one step."""
    before, after = effect.before, effect.after
    if now is None:
        # Something else than a directory takes a directory's place, or the other way round, by way of nothing.
        return before is not None and after is not None and is_directory(before) != is_directory(after)
    if now.type is not EntryType.DIRECTORY:
        return False
    modes: set[int] = set()
    if before is not None and before.type is EntryType.DIRECTORY:
        modes.add(before.mode | _OWNER)
    if after is not None and after.type is EntryType.DIRECTORY:
        modes |= {after.mode | _OWNER, _OWNER}
    return now.mode in modes


class Intent:
    """A recorded commit and the workspace that it is for.

    Args:
        store: the store.
        tree: the workspace.
        record: the commit, not ended.
    """

    def __init__(self, store: Store, tree: Tree, record: CommitRecord) -> None:
        self._store = store
        self._tree = tree
        self._record = record
        self._prefix = temp_name(record.id, record.nonce, 0).removesuffix(b"0.tmp")
        self.at = b""
        """The path that was being changed last."""

    def forward(self, skip: Collection[bytes] = (), *, resume: bool = False) -> None:
        """Bring every path to its state after the commit.

        Args:
            skip: paths that are there already.
            resume: accept half-done changes of an earlier attempt.

        Raises:
            ConflictError: someone else changed a path.
            OSError: a path could not be written.
        """
        numbered = [(n, e) for n, e in enumerate(self._record.effects) if e.path not in skip]
        self._run(numbered, resume=resume)

    def back(self) -> tuple[bytes, ...]:
        """Bring every path that was changed back to its state before the commit.

        Returns:
            The paths that someone else changed meanwhile; they are left as they are.

        Raises:
            OSError: a path could not be written; the intent stays open.
        """
        foreign = [*self.clean()]
        undo: list[tuple[int, FileEffect]] = []
        count = len(self._record.effects)
        for n, effect in enumerate(self._record.effects):
            now = current_state(self._store, self._tree, effect.path)
            if now == effect.before:
                continue
            if now == effect.after or half_way(effect, now):
                undo.append((count + n, replace(effect, before=effect.after, after=effect.before)))
            else:
                foreign.append(effect.path)
        self._run(undo, resume=True)
        return tuple(sorted(set(foreign)))

    def _run(self, numbered: Sequence[tuple[int, FileEffect]], *, resume: bool) -> None:
        if not numbered:
            return
        record = self._record
        if self._store.is_prepared(record.id):
            # From here on a temporary file may be incomplete again, and none holds anything of the person's.
            self._store.mark_prepared(record.id, prepared=False)
        names = [temp_name(record.id, record.nonce, n) for n, _ in numbered]
        applier = Applier(
            self._store, self._tree, make_steps(self._tree, [e for _, e in numbered], names), resume=resume
        )
        try:
            applier.prepare()
            self._store.mark_prepared(record.id)
            applier.switch()
        finally:
            self.at = applier.at

    # -- temporary names ----------------------------------------------------------------------------------------------

    def clean(self) -> tuple[bytes, ...]:
        """Remove the temporary files that are left; put back what an interrupted exchange took from its place.

        Returns:
            Names that hold something nobody knows and that could not be put back: they are kept.
        """
        prepared = self._store.is_prepared(self._record.id)
        kept: list[bytes] = []
        for directory, name, effect in list(self._leftovers()):
            with self._tree.directory(directory) as home:
                if prepared and not self._give_back(home, name, effect):
                    kept.append(directory + b"/" + name if directory else name)
                    continue
                _remove(home, name)
        return tuple(kept)

    def _leftovers(self) -> Iterator[tuple[bytes, bytes, FileEffect]]:
        """Every temporary name of this commit that exists, with its directory and effect."""
        effects = self._record.effects
        for directory in sorted({b"", *(p for e in effects for p in parents(e.path))}):
            try:
                found = [os.fsencode(entry.name) for entry in self._tree.scan(directory)]
            except OSError:
                continue  # not there, or not ours to look into: then nothing was written there
            for name in sorted(found):
                number = name.removesuffix(OLD).removeprefix(self._prefix).removesuffix(b".tmp")
                if name.startswith(self._prefix) and number.isdigit() and int(number) < 2 * len(effects):
                    n, effect = int(number), effects[int(number) % len(effects)]
                    if n >= len(effects):
                        effect = replace(effect, before=effect.after, after=effect.before)
                    yield directory, name, effect

    def _give_back(self, home: int, name: bytes, effect: FileEffect) -> bool:
        """Decide on one leftover of a prepared commit; False when it must be kept."""
        held = observe_at(home, name, self._store.hash_fd)
        target = current_state(self._store, self._tree, effect.path)
        ours = held in (effect.before, effect.after)
        if target is None:
            aside = name.endswith(OLD) or effect.after is None or is_directory(effect.after)
            if (held == effect.before and aside) or not ours:
                with self._tree.parent(effect.path) as (fd, last):
                    rename_new(home, name, fd, last)
            return True
        if ours:
            return True
        if target == effect.after:
            with self._tree.parent(effect.path) as (fd, last):
                exchange(home, name, fd, last)
            if observe_at(home, name, self._store.hash_fd) != effect.after:
                raise changed(effect.path)
            return True
        return False


def _remove(home: int, name: bytes) -> None:
    try:
        os.unlink(name, dir_fd=home)
    except FileNotFoundError:
        return  # it was put back
