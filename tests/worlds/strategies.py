"""Hypothesis strategies for trees."""

from __future__ import annotations

import copy
import os

from hypothesis import strategies as st

from tests.worlds import trees

_ODD = [b"a", b"b c", b"new\nline", b"\xff\xfe", b"-rf", b".git", b"a b\t", b"\x1b[2J", "é".encode(), b"a.b"]
names = st.one_of(
    st.sampled_from(_ODD),
    st.binary(min_size=1, max_size=6).filter(lambda b: b"/" not in b and b"\0" not in b and b not in (b".", b"..")),
)
paths = st.lists(names, min_size=1, max_size=3).map(b"/".join)
contents = st.one_of(
    st.just(b""),
    st.binary(max_size=20),
    st.lists(st.sampled_from([b"one\n", b"two\n", b"\n", b"no end"]), max_size=6).map(b"".join),
)
file_modes = st.sampled_from([0o644, 0o755, 0o600, 0o444, 0o000, 0o4755, 0o666])
dir_modes = st.sampled_from([0o755, 0o700, 0o555, 0o1777, 0o000])
_named = st.sampled_from(["user.a", "user.note", "user.\udcff\n", "user.:1:-"])
_valued = st.one_of(st.just(b""), st.binary(max_size=12), st.just(b"\0user.a\x001:"))
_kept = st.dictionaries(_named, _valued, max_size=2).map(lambda found: tuple(sorted(found.items())))
attributes = st.one_of(st.just(()), _kept) if hasattr(os, "setxattr") else st.just(())
nodes = st.one_of(
    st.builds(trees.file, contents, file_modes, attributes),
    st.builds(trees.directory, dir_modes, attributes),
    st.builds(trees.link, st.sampled_from([b"a", b"../..", b"/etc/passwd", b"nowhere\n", b"\xff"])),
)
_changes = st.lists(st.tuples(paths, st.one_of(st.none(), nodes)), max_size=12)


def _grow(changes: list[tuple[bytes, trees.Node | None]], start: trees.World | None = None) -> trees.World:
    world = copy.deepcopy(start or {})
    for path, node in changes:
        if node is None:
            trees.remove(world, path)
        else:
            trees.put(world, path, node)
    return world


worlds = _changes.map(_grow)


@st.composite
def successors(draw: st.DrawFn, world: trees.World) -> trees.World:
    """A world that some action may have made of ``world``."""
    changes: list[tuple[bytes, trees.Node | None]] = []
    known = sorted(world)
    for _ in range(draw(st.integers(0, 8))):
        old = draw(st.booleans()) and known
        path = draw(st.sampled_from(known)) if old else draw(paths)
        changes.append((path, draw(st.one_of(st.none(), nodes))))
    return _grow(changes, world)
