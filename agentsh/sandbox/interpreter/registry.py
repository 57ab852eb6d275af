"""The table of builtins, filled by :mod:`builtins`; apart from it so that builtins can look each other up."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentsh.sandbox.contract import Process
    from agentsh.sandbox.interpreter.shell import Shell
    from agentsh.shell.tree import Assignment

    Words: TypeAlias = Sequence[str | Assignment]
    """Expanded words; an assignment among them is a declaration's."""
    Builtin: TypeAlias = Callable[[Shell, Words], int | Process]

BUILTINS: dict[str, Builtin] = {}


def strings(arguments: Words) -> list[str]:
    """The arguments of a builtin that takes no assignments; the parser gives it none."""
    return [a for a in arguments if isinstance(a, str)]
