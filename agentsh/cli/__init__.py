"""The command line: ``agentsh`` and its commands.

Data goes to stdout and talk to stderr. Heavy packages are imported by the command that needs them, so that
``agentsh --help`` starts at once.
"""

from __future__ import annotations

from agentsh.cli.boundary import main

__all__ = ["main"]
