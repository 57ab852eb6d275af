"""Which paths differ between two trees, and which of them were renamed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .objects import ObjectStore
    from .paths import Pathspec

NOTHING = "0" * 40
_WHOLE = 60000  # git counts similarity in this many parts
_LEAST = 30000  # 50 %
_BY_NAME = 45000  # 75 %: enough where the name alone already tells
_MOST_PAIRS = 1000 * 1000
_CANDIDATES = 4
_TREE = 0o040000


class Side(NamedTuple):
    """A path on one side of a comparison; mode 0 when it is not there.

    Attributes:
        work: read the content from the working tree, not from the objects.
    """

    mode: int
    oid: str
    path: bytes
    work: bool = False


@dataclass(slots=True)
class Change:
    """One path that differs.

    Attributes:
        status: A, D, M, T, R or U.
        score: how alike the two sides of a rename are, in parts of 60000.
    """

    status: str
    old: Side
    new: Side
    score: int = 0

    @property
    def percent(self) -> int:
        """How alike, in percent."""
        return self.score * 100 // _WHOLE

    @property
    def path(self) -> bytes:
        """The path that it goes by."""
        return self.old.path if self.status == "D" else self.new.path


def flatten(objects: ObjectStore, tree: str, spec: Pathspec | None = None) -> dict[bytes, tuple[int, str]]:
    """Every file of a tree by path: mode and object."""
    found: dict[bytes, tuple[int, str]] = {}
    _flatten(objects, tree, b"", spec, found)
    return found


def _flatten(
    objects: ObjectStore, tree: str, prefix: bytes, spec: Pathspec | None, found: dict[bytes, tuple[int, str]]
) -> None:
    for mode, name, oid in objects.tree(tree):
        path = prefix + name
        if mode == _TREE:
            if spec is None or spec.reaches(path):
                _flatten(objects, oid, path + b"/", spec, found)
        elif spec is None or spec.matches(path):
            found[path] = mode, oid


def diff_trees(objects: ObjectStore, old: str, new: str, spec: Pathspec | None = None) -> list[Change]:
    """What differs between two trees (an empty name is the empty tree), by path; without renames."""
    found: list[Change] = []
    _diff(objects, old, new, b"", spec, found)
    found.sort(key=lambda c: c.path)
    return found


def _entries(objects: ObjectStore, tree: str) -> dict[bytes, tuple[int, str]]:
    return {e.name: (e.mode, e.oid) for e in objects.tree(tree)} if tree else {}


def _diff(objects: ObjectStore, old: str, new: str, prefix: bytes, spec: Pathspec | None, found: list[Change]) -> None:
    if old == new:
        return
    before, after = _entries(objects, old), _entries(objects, new)
    for name in before.keys() | after.keys():
        one, two = before.get(name, (0, "")), after.get(name, (0, ""))
        if one == two:
            continue
        path = prefix + name
        old_tree, new_tree = (one[1] if one[0] == _TREE else ""), (two[1] if two[0] == _TREE else "")
        if (old_tree or new_tree) and (spec is None or spec.reaches(path)):
            _diff(objects, old_tree, new_tree, path + b"/", spec, found)
        if spec is not None and not spec.matches(path):
            continue
        left = Side(0, NOTHING, path) if old_tree or not one[0] else Side(one[0], one[1], path)
        right = Side(0, NOTHING, path) if new_tree or not two[0] else Side(two[0], two[1], path)
        if left.mode or right.mode:
            found.append(Change(kind(left, right), left, right))


def kind(old: Side, new: Side) -> str:
    """The letter for a difference."""
    if not old.mode:
        return "A"
    if not new.mode:
        return "D"
    return "T" if old.mode & 0o170000 != new.mode & 0o170000 else "M"


def with_renames(found: Sequence[Change], content: Callable[[Side], bytes], least: int = _LEAST) -> list[Change]:
    """The changes with pairs of a removed and an added path joined where their contents are alike.

    Args:
        found: the changes.
        content: reads a side.
        least: how alike they must be, in parts of 60000.
    """
    gone = [c for c in found if c.status == "D" and c.old.mode != 0o160000]
    new = [c for c in found if c.status == "A" and c.new.mode != 0o160000]
    if not gone or not new:
        return list(found)
    match = _Matches(content, least)
    match.exact(gone, new)
    match.by_name(gone, new)
    match.by_content(gone, new)
    pairs = {id(b): (a, s) for a, b, s in match.pairs}
    used = {id(a) for a, _, _ in match.pairs}
    out = []
    for change in found:
        if id(change) in pairs:
            source, score = pairs[id(change)]
            out.append(Change("R", source.old, change.new, score))
        elif id(change) not in used:
            out.append(change)
    return out


def _base(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]


class _Matches:
    """Pairs of a removed and an added path, found step by step."""

    def __init__(self, content: Callable[[Side], bytes], least: int) -> None:
        self._content = content
        self._least = least
        self._sizes: dict[tuple[str, bytes], tuple[int, dict[bytes, int]]] = {}
        self.pairs: list[tuple[Change, Change, int]] = []
        self._used: set[int] = set()

    def _pair(self, a: Change, b: Change, score: int) -> None:
        self.pairs.append((a, b, score))
        self._used.update((id(a), id(b)))

    def exact(self, gone: list[Change], new: list[Change]) -> None:
        """The same content; of several sources, one of the same name first."""
        sources: dict[str, list[Change]] = {}
        for a in gone:
            sources.setdefault(a.old.oid, []).append(a)
        for b in new:
            free = [
                a
                for a in sources.get(b.new.oid, ())
                if id(a) not in self._used and a.old.mode & 0o170000 == b.new.mode & 0o170000
            ]
            if free:
                self._pair(next((a for a in free if _base(a.old.path) == _base(b.new.path)), free[0]), b, _WHOLE)

    def by_name(self, gone: list[Change], new: list[Change]) -> None:
        """One path of a name removed, one of that name added."""
        least = max(_BY_NAME, self._least)
        old_names: dict[bytes, list[Change]] = {}
        new_names: dict[bytes, list[Change]] = {}
        for changes, names in ((gone, old_names), (new, new_names)):
            for c in changes:
                if id(c) not in self._used:
                    names.setdefault(_base(c.path), []).append(c)
        for name, sources in old_names.items():
            targets = new_names.get(name, [])
            if len(sources) == len(targets) == 1:
                score = self._score(sources[0].old, targets[0].new, least)
                if score >= least:
                    self._pair(sources[0], targets[0], score)

    def by_content(self, gone: list[Change], new: list[Change]) -> None:
        """The most alike first."""
        sources = [a for a in gone if id(a) not in self._used]
        targets = [b for b in new if id(b) not in self._used]
        if len(sources) * len(targets) > _MOST_PAIRS:
            return
        ranked: list[tuple[int, int, int, int]] = []
        for j, b in enumerate(targets):
            scores = []
            for i, a in enumerate(sources):
                score = self._score(a.old, b.new, self._least)
                if score >= self._least:
                    scores.append((-score, -(_base(a.old.path) == _base(b.new.path)), j, i))
            ranked += sorted(scores)[:_CANDIDATES]
        for score, _, j, i in sorted(ranked):
            if id(sources[i]) not in self._used and id(targets[j]) not in self._used:
                self._pair(sources[i], targets[j], -score)

    def _score(self, a: Side, b: Side, least: int) -> int:
        if a.mode & 0o170000 != 0o100000 or b.mode & 0o170000 != 0o100000:
            return 0
        size_a, chunks_a = self._chunks(a)
        size_b, chunks_b = self._chunks(b)
        largest = max(size_a, size_b)
        if not size_a or not size_b or largest * (_WHOLE - least) < abs(size_a - size_b) * _WHOLE:
            return 0
        copied = sum(min(n, chunks_b.get(chunk, 0)) for chunk, n in chunks_a.items())
        return copied * _WHOLE // largest

    def _chunks(self, side: Side) -> tuple[int, dict[bytes, int]]:
        """The size, and how many bytes are in pieces of each text: lines, or 64 bytes where those are longer."""
        key = side.oid, side.path
        found = self._sizes.get(key)
        if found is None:
            data = self._content(side)
            text = b"\0" not in data[:8000]
            counts: dict[bytes, int] = {}
            lines = data.split(b"\n")
            last = lines.pop()
            for line in (*(x + b"\n" for x in lines), last):
                whole = line[:-2] + b"\n" if text and line.endswith(b"\r\n") else line
                for at in range(0, len(whole), 64):
                    piece = whole[at : at + 64]
                    counts[piece] = counts.get(piece, 0) + len(piece)
            found = self._sizes[key] = len(data), counts
        return found
