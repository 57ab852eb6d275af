"""The shell language: source text -> typed tree -> what it will do. Nothing here runs anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.shell.parser import parse
from agentsh.shell.tree import Script

if TYPE_CHECKING:
    from agentsh.shell.summary import CommandUse, Summary, summarise

__all__ = ["CommandUse", "Script", "Summary", "parse", "summarise"]


def __getattr__(name: str) -> object:
    """Load the summary when it is asked for: running a line takes the tree alone."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from agentsh.shell import summary  # noqa: PLC0415

    return getattr(summary, name)
