"""A record is the frozen dataclass with slots that it is written as, in all that can be seen."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import Any

import pytest

from agentsh.core.record import record

MAKERS: list[Any] = [record, dataclass]


@record(frozen=True, slots=True)
class Kept:
    """At the top of its module, where pickling finds it."""

    text: str
    numbers: tuple[int, ...] = ()


def classes(make: Any) -> tuple[Any, Any, Any]:
    """The same three classes by either maker."""

    @make(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 2
        names: list[str] = field(default_factory=list)
        at: int = field(default=0, compare=False, repr=False)

        @property
        def sum(self) -> int:
            return self.x + self.y

    @make(frozen=True, slots=True)
    class Deep(Point):
        z: int = 3

        def __post_init__(self) -> None:
            if self.z < 0:
                raise ValueError("below")

    @make(frozen=True, slots=True)
    class Nothing:
        """No fields at all."""

    return Point, Deep, Nothing


@pytest.mark.parametrize("make", MAKERS, ids=["record", "dataclass"])
class TestAsADataclass:
    """Every assertion holds for both makers."""

    def test_arguments(self, make: Any) -> None:
        point, deep, nothing = classes(make)
        made = point(1, names=["a"])
        assert (made.x, made.y, made.names, made.at, made.sum) == (1, 2, ["a"], 0, 3)
        assert point(1).names is not point(1).names
        assert (deep(1, z=5).z, deep(1).sum) == (5, 3)
        assert nothing() == nothing()
        for wrong in ((), (1, 2, [], 0, 9)):
            with pytest.raises(TypeError):
                point(*wrong)
        with pytest.raises(TypeError):
            point(1, unknown=2)
        with pytest.raises(ValueError, match="below"):
            deep(1, z=-1)

    def test_comparing(self, make: Any) -> None:
        point, deep, nothing = classes(make)
        assert point(1) == point(1, 2, [], at=9)
        assert point(1) != point(2)
        assert point(1) != deep(1)
        assert point(1) != (1, 2, [])
        assert hash(nothing()) == hash(nothing())
        with pytest.raises(TypeError):
            hash(point(1))  # a list in it
        with pytest.raises(TypeError):
            _ = point(1) < point(2)

    def test_showing(self, make: Any) -> None:
        point, deep, _ = classes(make)
        assert repr(point(1)).endswith("Point(x=1, y=2, names=[])")
        assert repr(deep(1)).endswith("Deep(x=1, y=2, names=[], z=3)")

    def test_frozen(self, make: Any) -> None:
        point, _, _ = classes(make)
        made = point(1)
        with pytest.raises(FrozenInstanceError):
            made.x = 2
        with pytest.raises(FrozenInstanceError):
            del made.x
        with pytest.raises((AttributeError, TypeError)):  # TypeError from the library: a known slip of it
            made.other = 2
        assert not hasattr(made, "__dict__")

    def test_the_library_s_functions(self, make: Any) -> None:
        point, deep, _ = classes(make)
        assert [f.name for f in fields(deep)] == ["x", "y", "names", "at", "z"]
        assert replace(deep(1), x=7) == deep(7)
        assert asdict(point(1)) == {"x": 1, "y": 2, "names": [], "at": 0}
        assert copy.copy(point(1, names=["a"])) == point(1, names=["a"])
        assert copy.deepcopy(deep(4)) == deep(4)

    def test_patterns(self, make: Any) -> None:
        point, _, _ = classes(make)
        match point(1, 5):
            case point(x, y):
                assert (x, y) == (1, 5)

    def test_methods_of_its_own_stay(self, make: Any) -> None:
        @make(frozen=True, slots=True)
        class Own:  # noqa: PLW1641 - what then becomes of its hash is the point
            x: int

            def __eq__(self, other: object) -> bool:
                return isinstance(other, Own)

            def __repr__(self) -> str:
                return "own"

        assert Own(1) == Own(2)
        assert repr(Own(1)) == "own"
        assert hash(Own(1)) == hash(Own(1))


def test_a_record_is_pickled_whole() -> None:
    kept = Kept("a", (1, 2))
    assert pickle.loads(pickle.dumps(kept)) == kept  # noqa: S301 - our own
    assert hash(kept) == hash(Kept("a", (1, 2)))


def test_it_is_not_taken_for_another_kind_of_class() -> None:
    with pytest.raises(TypeError, match="frozen"):
        record(frozen=False, slots=True)
