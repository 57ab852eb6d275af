"""The steps of a commit: one a path, with the temporary name that serves it and the directory for that name."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentsh.core.entry import Entry, EntryType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentsh.core.effect import FileEffect
    from agentsh.core.tree import Tree

OWNER = stat.S_IRWXU
"""What the owner needs to work in a directory."""


@dataclass(frozen=True, slots=True)
class Step:
    """One path's change, and the temporary name that serves it."""

    effect: FileEffect
    temp: bytes
    home: bytes
    """The directory of the temporary name: the path's own, or the nearest one that exists already."""

    @property
    def path(self) -> bytes:
        """The path that changes."""
        return self.effect.path

    @property
    def beside(self) -> bool:
        """True when the temporary name is in the path's own directory."""
        return self.home == self.path.rpartition(b"/")[0]

    @property
    def writes(self) -> bool:
        """True when there is content to prepare: a file or a symlink that is not there yet."""
        before, after = self.effect.before, self.effect.after
        return after is not None and after.type is not EntryType.DIRECTORY and not only_mode(before, after)


def temp_name(commit: str, nonce: str, n: int) -> bytes:
    """The temporary name of a commit's ``n``-th path."""
    return b".agentsh-%s-%s-%d.tmp" % (commit.encode(), nonce.encode(), n)


def is_directory(entry: Entry | None) -> bool:
    """True for a directory."""
    return entry is not None and entry.type is EntryType.DIRECTORY


def parents(path: bytes) -> Iterator[bytes]:
    """Every directory above ``path``, the outermost first, without the root."""
    at = path.find(b"/")
    while at >= 0:
        yield path[:at]
        at = path.find(b"/", at + 1)


def make_steps(tree: Tree, effects: Sequence[FileEffect], names: Sequence[bytes]) -> list[Step]:
    """Steps for ``effects``, each with its temporary name and a place for it."""
    known: dict[bytes, bool] = {b"": True}
    # Where the owner may not work before the switch, nothing can be prepared.
    known |= {e.path: False for e in effects if e.before and is_directory(e.before) and is_closed(e.before)}
    steps = [Step(effect, name, _home(tree, effect.path, known)) for effect, name in zip(effects, names, strict=True)]
    return sorted(steps, key=lambda s: s.path)


def is_closed(entry: Entry) -> bool:
    """True for a directory in which its owner may not work."""
    return entry.mode & OWNER != OWNER


def _home(tree: Tree, path: bytes, known: dict[bytes, bool]) -> bytes:
    home = b""
    for above in parents(path):
        if above not in known:
            st = tree.lstat(above)
            known[above] = st is not None and stat.S_ISDIR(st.st_mode)
        if not known[above]:
            break
        home = above
    return home


def only_mode(before: Entry | None, after: Entry) -> bool:
    """True when two states of a file differ in nothing but the permission bits: that needs no new file."""
    return (
        before is not None
        and before.type is after.type is EntryType.FILE
        and (before.digest, before.size, before.xattrs) == (after.digest, after.size, after.xattrs)
    )
