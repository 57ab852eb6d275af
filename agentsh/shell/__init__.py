"""The shell language: source text -> typed tree. Nothing here runs anything."""

from agentsh.shell.parser import parse
from agentsh.shell.tree import Script

__all__ = ["Script", "parse"]
