"""The command line: ``agentsh`` and its commands.

Data goes to stdout and talk to stderr. Heavy packages are imported by the command that needs them, so that
``agentsh --help`` starts at once.
"""

from __future__ import annotations

import gc
import sys
from typing import NoReturn

_ACTING = ("exec", "run")
_COLLECT_AFTER = 50_000  # objects; what a start makes stays, and looking through it for garbage takes its time


def main() -> NoReturn:
    """Entry point of the ``agentsh`` program."""
    gc.set_threshold(_COLLECT_AFTER)
    arguments = sys.argv[1:]
    if arguments[:1] and arguments[0] in _ACTING and not {"-h", "--help"} & set(arguments):
        # The sandbox's process takes as long to come up as the command takes to get to it: side by side, then.
        from agentsh.runtime.ahead import start_ahead  # noqa: PLC0415

        start_ahead()
    from agentsh.cli.boundary import run  # noqa: PLC0415

    code = run(arguments)
    gc.freeze()  # the interpreter's last search for garbage would go through everything once more
    sys.exit(code)


__all__ = ["main"]
