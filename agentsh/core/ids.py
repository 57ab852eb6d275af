"""Short stable ids: a letter for the kind and a number that counts up within a workspace."""

from __future__ import annotations

import re
from enum import StrEnum

from agentsh.core.errors import UsageError


class IdKind(StrEnum):
    """What an id names."""

    ACTION = "a"
    COMMIT = "c"
    SNAPSHOT = "s"
    SESSION = "r"
    REQUEST = "q"
    GRANT = "g"


_ID = re.compile(r"([acsrqg])([1-9][0-9]{0,17})")


def make_id(kind: IdKind, number: int) -> str:
    """The id of the ``number``-th thing of ``kind``."""
    return f"{kind.value}{number}"


def parse_id(text: str, kind: IdKind) -> int:
    """The number in ``text``.

    Raises:
        UsageError: ``text`` is no id of ``kind``.
    """
    m = _ID.fullmatch(text)
    if m is None or m[1] != kind.value:
        what = kind.name.lower()
        raise UsageError(
            f"{text!r} is not the id of {'an' if what == 'action' else 'a'} {what} (they look like {kind.value}1).",
            next_step="'agentsh log' lists the ids.",
        )
    return int(m[2])
