"""A value that must not be shown: every way of printing, copying or storing it gives its name instead, or fails."""

from __future__ import annotations

import re
from typing import NoReturn

from agentsh.core.errors import UsageError
from agentsh.core.sanitise import visible_line

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")


def check_secret_name(name: str) -> str:
    """``name`` itself when it can name a secret.

    Raises:
        UsageError: it is empty, too long, or has other characters than letters, digits, ``_``, ``.`` and ``-``.
    """
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            f"'{visible_line(name[:140])}' cannot name a secret: use letters, digits, '_', '.' and '-', at most 128.",
            next_step="Choose another name, such as OPENAI_API_KEY.",
        )
    return name


class Secret:
    """A secret value under its symbolic name.

    ``str``, ``repr`` and ``format`` give ``secret:NAME``; pickling, copying and JSON fail. The value leaves through
    :meth:`reveal` alone, so that one search finds every place that uses it.

    Args:
        name: the symbolic name; may be shown.
        value: the value; never shown.
    """

    __slots__ = ("_value", "name")

    def __init__(self, name: str, value: str) -> None:
        self.name = check_secret_name(name)
        self._value = value

    def reveal(self) -> str:
        """The value. Call it where the value is used, at the last moment, and keep no copy."""
        return self._value

    def __repr__(self) -> str:
        return f"secret:{self.name}"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        # Covers pickle, copy and deepcopy (so dataclasses.asdict too): a copy could be printed by something else.
        raise TypeError(f"secret:{self.name} cannot be copied or serialised")
