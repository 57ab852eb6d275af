"""``@record(frozen=True, slots=True)``: a frozen dataclass with slots whose methods cost nothing until they are used.

The standard library compiles six functions for such a class, as source text, when its module is imported. agentsh has a
hundred of these classes and ``agentsh exec`` uses a few of each kind: compiling the others took half of its time. Here
the standard library still makes the class and its fields, so that ``fields``, ``replace`` and ``asdict`` know it; what
it would have compiled is shared between all classes, but for ``__init__``, which is compiled at the first instance.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["record"]

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass as record  # to a type checker it is what it stands for
else:

    def record(*, frozen: bool, slots: bool) -> Callable[[type], type]:
        """Make the class a dataclass; both options must be named, and are what there is."""
        if not (frozen and slots):
            raise TypeError("a record is frozen and has slots; for another class there is dataclasses.dataclass")
        return _made


def _made(cls: type) -> Any:
    own = frozenset(name for name, value in cls.__dict__.items() if value is not None)
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    fields = dataclasses.fields(made)
    methods = _compared([f.name for f in fields if f.compare]) | _shown([f.name for f in fields if f.repr])
    for name, method in methods.items():
        if name not in own:
            setattr(made, name, method)

    def init(self: Any, *given: Any, **named: Any) -> None:
        made.__init__ = _compiled_init(made)
        made.__init__(self, *given, **named)

    made.__init__ = init
    made.__setattr__, made.__delattr__ = _refuse_set, _refuse_delete
    made.__getstate__, made.__setstate__ = _state, _restore  # copying and pickling must go past the refusal
    return made


def _compared(names: list[str]) -> dict[str, Any]:
    values = attrgetter(*names) if names else _nothing

    def equals(self: Any, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash(values(self))

    return {"__eq__": equals, "__hash__": hashed}


def _shown(names: list[str]) -> dict[str, Any]:
    def shows(self: Any) -> str:
        inner = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({inner})"

    return {"__repr__": shows}


def _state(self: Any) -> list[Any]:
    return [getattr(self, f.name) for f in dataclasses.fields(self)]


def _restore(self: Any, kept: list[Any]) -> None:
    for f, value in zip(dataclasses.fields(self), kept, strict=True):
        object.__setattr__(self, f.name, value)


def _nothing(_self: Any) -> tuple[()]:
    return ()


def _refuse_set(_self: object, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(_self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _compiled_init(cls: Any) -> Callable[..., None]:
    """The ``__init__`` of ``cls``: each argument goes into its slot, past the refusal to assign."""
    known: dict[str, Any] = {"_MISSING": _MISSING}
    head, body = ["self"], []
    for f in dataclasses.fields(cls):
        known[f"_set_{f.name}"] = getattr(cls, f.name).__set__
        value = f.name
        if f.default_factory is not dataclasses.MISSING:
            known[f"_make_{f.name}"] = f.default_factory
            head.append(f"{f.name}=_MISSING")
            value = f"_make_{f.name}() if {f.name} is _MISSING else {f.name}"
        elif f.default is not dataclasses.MISSING:
            known[f"_default_{f.name}"] = f.default
            head.append(f"{f.name}=_default_{f.name}")
        else:
            head.append(f.name)
        body.append(f"    _set_{f.name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        body.append("    self.__post_init__()")
    # Names of fields of our own classes, nothing that anybody enters: what dataclasses does with them, too.
    exec(f"def __init__({', '.join(head)}):\n" + ("\n".join(body) or "    pass"), known)  # noqa: S102
    made: Callable[..., None] = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


_MISSING = object()
