"""``[[api]]``: which calls of an API can be taken back, and by which other call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentsh.config.schema import Api
from agentsh.config.values import bad, known, text
from agentsh.core.effect_class import EffectClass
from agentsh.core.request import HELD_METHODS

if TYPE_CHECKING:
    from pathlib import Path

_MOST = 2_000
_CALL = re.compile(rf"({'|'.join(HELD_METHODS)}) (https?://[\x21-\x7e]{{1,2000}})")


def apis(tables: Any, path: Path) -> tuple[Api, ...]:
    """The ``[[api]]`` tables of the person's file.

    Raises:
        ConfigError: a key is unknown or a value is wrong.
    """
    if not isinstance(tables, list) or not all(isinstance(t, Mapping) for t in tables) or len(tables) > _MOST:
        raise bad(path, "api", f"must be [[api]] tables, {_MOST} at most")
    return tuple(_api(table, n, path) for n, table in enumerate(tables, 1))


def _api(table: Mapping[str, Any], number: int, path: Path) -> Api:
    where = f"api {number}"
    known(table, {"call", "undo", "class"}, path, f"{where}: ")
    call = _CALL.fullmatch(text(table, "call", "", path))
    if call is None:
        raise bad(path, f"{where}: call", "must be a method and a URL, such as 'POST https://api.example.org/items'")
    undo = text(table, "undo", "", path)
    if undo and _CALL.fullmatch(undo) is None:
        raise bad(path, f"{where}: undo", "must be like 'DELETE https://api.example.org/items/{id}'")
    kind = text(table, "class", "compensable" if undo else "irreversible", path)
    if kind not in (EffectClass.COMPENSABLE, EffectClass.IRREVERSIBLE) or (kind == "compensable") != bool(undo):
        raise bad(path, f"{where}: class", "must be 'compensable' with an undo, or 'irreversible' without one")
    return Api(call[1], call[2], undo)
