"""The shell language: source text -> typed tree -> what it will do. Nothing here runs anything."""

from agentsh.shell.parser import parse
from agentsh.shell.summary import CommandUse, Summary, summarise
from agentsh.shell.tree import Script

__all__ = ["CommandUse", "Script", "Summary", "parse", "summarise"]
