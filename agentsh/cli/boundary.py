"""The one place where errors become words and exit codes."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from agentsh.cli.output import ReaderGone, data_json, say, silence
from agentsh.core.errors import AgentshError, Interrupted
from agentsh.core.sanitise import visible, visible_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILES_SENTENCE = (
    "Nothing reaches your files outside a commit, and a commit that was cut short is finished or undone by the next "
    "agentsh command."
)
"""What an unexpected error means for the person's files."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing is raised."""
    from agentsh.cli.root import root  # noqa: PLC0415 - after main() exists, so that a broken command is reported too

    as_json = _wants_json(arguments)
    try:
        code = _run(root, arguments, as_json=as_json)
        sys.stdout.flush()
    except (ReaderGone, BrokenPipeError):
        silence(sys.stdout)
        silence(sys.stderr)
        return 0
    return code


def _run(root: click.Group, arguments: Sequence[str], *, as_json: bool) -> int:
    try:
        result = root.main(args=list(arguments), prog_name="agentsh", standalone_mode=False)
    except click.exceptions.Exit as e:
        return e.exit_code
    except (click.Abort, KeyboardInterrupt):
        return report(Interrupted("Stopped."), as_json=as_json)
    except click.ClickException as e:
        return _report_usage(e, as_json=as_json)
    except AgentshError as e:
        return report(e, as_json=as_json)
    except ReaderGone:
        raise
    except Exception as e:  # noqa: BLE001 - the boundary: everything unexpected ends here, with its traceback kept
        return _report_unexpected(e, as_json=as_json)
    return result if isinstance(result, int) else 0


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether errors go out as JSON; asked before parsing, for errors of parsing itself."""
    head = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in head


def report(error: AgentshError, *, as_json: bool) -> int:
    """Tell what happened, what it means for the files, and what to do next; the exit code."""
    if as_json:
        from agentsh.cli import encode  # noqa: PLC0415 - only on the way out

        data_json(encode.error(error))
    else:
        say(f"agentsh: {visible(error.what)}")
        for part in (error.files, error.next_step):
            if part:
                say(f"  {visible(part)}")
        conflicts = getattr(error, "conflicts", ())
        if conflicts:
            from agentsh.cli.conflicts import headings  # noqa: PLC0415 - as above

            headings(conflicts)
            return error.exit_code
        for path in getattr(error, "paths", ()):
            say(f"  ! {visible_line(path.decode('utf-8', 'surrogateescape'))}")
    return error.exit_code


def _report_usage(error: click.ClickException, *, as_json: bool) -> int:
    message = visible(error.format_message())
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "agentsh"
    hint = f"'{command} --help' shows how it is used."
    if as_json:
        data_json({"error": "UsageError", "what": message, "files": "Nothing was run.", "next": hint, "exit_code": 2})
    else:
        say(f"agentsh: {message}")
        say("  Nothing was run.")
        say(f"  {hint}")
    return 2


def _report_unexpected(error: Exception, *, as_json: bool) -> int:
    what = f"An error inside agentsh: {type(error).__name__}: {visible_line(str(error))[:300]}"
    where = _keep_traceback(error)
    hint = f"The details are in {where}; please report them." if where else "The details could not be written."
    if as_json:
        data_json({"error": "InternalError", "what": what, "files": FILES_SENTENCE, "next": hint, "exit_code": 1})
    else:
        say(f"agentsh: {what}")
        say(f"  {FILES_SENTENCE}")
        say(f"  {hint}")
    return 1


def _keep_traceback(error: Exception) -> Path | None:
    """Write the traceback below the data directory; None when even that fails."""
    import traceback  # noqa: PLC0415 - only on the way out

    try:
        from agentsh.config import data_dir  # noqa: PLC0415 - only on the way out

        folder = data_dir() / "errors"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        return None
    return path
