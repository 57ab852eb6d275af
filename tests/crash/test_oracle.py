"""The oracle of killed histories notices what it is there for."""

from __future__ import annotations

import pytest

from tests.crash.oracle import Begun, Done, Edited, Seen, held
from tests.worlds import trees

OLD, NEW = {b"a": trees.file(b"old")}, {b"a": trees.file(b"new")}
OTHER = {b"a": trees.file(b"other")}
EDIT = Edited(b"a", trees.file(b"other"))
UNSURE = frozenset({b"a"})


@pytest.mark.parametrize(
    ("told", "world", "lost", "neither"),
    [
        ([Begun("commit", OLD, NEW)], OLD, 0, 0),
        ([Begun("commit", OLD, NEW)], NEW, 0, 0),
        ([Begun("commit", OLD, NEW)], OTHER, 0, 1),
        ([Begun("commit", OLD, NEW), Done(NEW)], NEW, 0, 0),
        ([Begun("commit", OLD, NEW), Done(NEW)], OLD, 1, 0),
        ([Begun("commit", OLD, NEW), Done(OLD)], OLD, 1, 0),
        ([Begun("commit", OLD, NEW), Done(NEW), EDIT], OTHER, 0, 0),
        ([Begun("commit", OLD, NEW), Done(NEW), EDIT], NEW, 1, 0),
        ([Begun("commit", OLD, NEW), Done(NEW), Begun("gc", OLD, OLD)], OLD, 1, 0),
        ([Begun("commit", OLD, NEW), Done(NEW), EDIT, Begun("restore", OTHER, NEW, UNSURE)], OLD, 0, 0),
        ([Begun("restore", OLD, NEW, UNSURE)], OTHER, 0, 1),
        ([Begun("restore", OLD, NEW, UNSURE)], NEW | {b"b": trees.file(b"")}, 0, 1),
    ],
)
def test_what_is_held(told: list[Begun | Done | Edited], world: trees.World, lost: int, neither: int) -> None:
    assert held(told, world, {}) == (lost, neither)


def test_only_a_version_that_nothing_looked_at_makes_a_snapshot_unsure() -> None:
    seen = Seen(())
    seen.add("s1", OLD)
    seen.edit(b"a")
    seen.add("s2", OLD)
    assert seen.unsure("s2") == frozenset()
    seen.edit(b"a")
    assert seen.unsure("s2") == UNSURE
    assert seen.unsure("s1") == frozenset()
    seen.looked()
    seen.edit(b"a")
    seen.add("s3", NEW)
    assert seen.unsure("s3") == frozenset()
