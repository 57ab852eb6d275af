"""The table of builtins: only what concerns the shell's own state, or must know what the shell knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from agentsh.sandbox.interpreter import builtins_flow, builtins_names, builtins_state, builtins_wrap, conditions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentsh.sandbox.contract import Process
    from agentsh.sandbox.interpreter.shell import Shell
    from agentsh.shell.tree import Assignment

    Builtin: TypeAlias = Callable[[Shell, Sequence[str | Assignment]], int | Process]

BUILTINS: dict[str, Builtin] = {
    **builtins_flow.TABLE,
    **builtins_state.TABLE,
    **builtins_names.TABLE,
    **builtins_wrap.TABLE,
    **conditions.TABLE,
}
