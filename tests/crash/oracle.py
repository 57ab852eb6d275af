"""What a killed history must have left: each operation wholly or not at all, and nothing that was acknowledged lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.worlds import trees

    Versions = dict[bytes, set[trees.Node | None]]
    """What paths have ever been."""


@dataclass(frozen=True)
class Begun:
    """Told when an operation begins.

    Attributes:
        before: what is there.
        after: what will be there.
        unsure: paths that may get another version of theirs instead: one that was looked at, where that in ``after``
            was not.
    """

    kind: str
    before: trees.World
    after: trees.World
    unsure: frozenset[bytes] = frozenset()


@dataclass(frozen=True)
class Done:
    """Told when the operation that began last has ended.

    Attributes:
        world: what is there.
    """

    world: trees.World


@dataclass(frozen=True)
class Edited:
    """Told when the person has saved a file."""

    path: bytes
    node: trees.Node


class Seen:
    """Snapshots and the worlds that they are of.

    A version of a file that the person replaced before anything looked at it was in the world and is in no snapshot:
    going back gives the one that was looked at last. That is all that a snapshot may be unsure of.

    Args:
        edited: what the person may have saved since the last look at the whole.
    """

    def __init__(self, edited: Iterable[bytes]) -> None:
        self.worlds: dict[str, trees.World] = {}
        self._unsure: dict[str, set[bytes]] = {}
        self._edited = set(edited)  # since the last look at the whole; what was before this process, too
        self._resting: set[str] = set()  # snapshots since the first of these edits, which may be found later

    def edit(self, name: bytes) -> None:
        """The person saved a file."""
        if name in self._edited:
            for snapshot in self._resting:
                self._unsure[snapshot].add(name)
        self._edited.add(name)

    def looked(self) -> None:
        """Everything was looked at."""
        self._edited.clear()
        self._resting.clear()

    def add(self, snapshot: str, world: trees.World) -> None:
        """The newest snapshot is of ``world``."""
        self.worlds[snapshot] = world
        self._unsure.setdefault(snapshot, set())
        self._resting |= {snapshot} if self._edited else set()

    def unsure(self, snapshot: str) -> frozenset[bytes]:
        """The paths of which a snapshot may have an older version."""
        return frozenset(self._unsure[snapshot])


def held(told: Sequence[Begun | Done | Edited], world: trees.World, versions: Versions) -> tuple[int, int]:
    """Hold what a process told before it died against what is there after the recovery.

    Between two operations the world is, path by path, what the first left and the person has saved since; at the end it
    is that, or one of the two worlds of the operation that was cut short.

    Args:
        told: in order.
        world: what is there now.
        versions: of the same workspace, what its paths have been; it learns from this.

    Returns:
        How often something acknowledged was lost, and how often the world was neither old nor new.
    """
    lost = neither = 0
    begun: Begun | None = None
    now: trees.World | None = None  # what must be there
    for one in told:
        if isinstance(one, Begun):
            lost += now is not None and one.before != now
            begun, now = one, one.before
            _note(versions, one.before)
        elif isinstance(one, Edited):
            now = None if now is None else {**now, one.path: one.node}
            versions.setdefault(one.path, set()).add(one.node)
        elif begun is not None:
            lost += not _is(one.world, begun, versions)
            begun, now = None, one.world
            _note(versions, one.world)
    if begun is not None:
        neither += world != begun.before and not _is(world, begun, versions)
    else:
        lost += now is not None and world != now
    _note(versions, world)
    return lost, neither


def _note(versions: Versions, world: trees.World) -> None:
    for path in versions.keys() | world.keys():
        versions.setdefault(path, {None}).add(world.get(path))


def _is(world: trees.World, begun: Begun, versions: Versions) -> bool:
    """Whether an operation came to its end; a path that is unsure may be as it ever was."""
    differs = {p for p in world.keys() | begun.after.keys() if world.get(p) != begun.after.get(p)}
    return differs <= begun.unsure and all(world.get(p) in versions.get(p, ()) for p in differs)
