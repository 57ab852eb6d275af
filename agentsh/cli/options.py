"""Options that several commands share, and opening the workspace they name."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agentsh.cli.output import say
from agentsh.core.errors import UsageError
from agentsh.core.sanitise import visible_line, visible_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from agentsh import Workspace
    from agentsh.core.report import Recovery

F = TypeVar("F", bound="Callable[..., Any]")


class Command(click.Command):
    """A command whose help ends with examples, kept as they are written."""

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples.strip().splitlines():
                    formatter.write(f"  {line.strip()}\n")


def workspace_option(function: F) -> F:
    """``-w DIR`` and ``--data-dir DIR``."""
    function = click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="AGENTSH_DATA_DIR",
        default=None,
        metavar="DIR",
        help="Where the store lives [env: AGENTSH_DATA_DIR].",
    )(function)
    return click.option(
        "-w",
        "--workspace",
        "directory",
        default=".",
        metavar="DIR",
        help="The workspace; the current directory unless given.",
    )(function)


def json_option(function: F) -> F:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, errors too.")(function)


class LineRange(click.ParamType[tuple[int, int]]):
    """``12`` or ``12-20``."""

    name = "A-B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """The first and the last line."""
        if isinstance(value, tuple):
            return value
        first, _, last = str(value).partition("-")
        if not (first.isascii() and first.isdigit() and (last or "0").isascii() and (last or "0").isdigit()):
            self.fail(f"{visible_line(str(value))} is no range of lines, such as 12-20.", param, ctx)
        return int(first), int(last or first)


def part_options(function: F) -> F:
    """``--hunk N`` and ``--lines A-B``."""
    function = click.option(
        "--lines", multiple=True, type=LineRange(), help="Of the one --path, the changes within these lines."
    )(function)
    return click.option(
        "--hunk",
        "hunks",
        multiple=True,
        type=click.IntRange(min=1),
        metavar="N",
        help="Of the one --path, this hunk alone, by the number that 'diff ACTION' shows.",
    )(function)


def part_of(
    actions: Sequence[str], paths: Sequence[str], hunks: Sequence[int], lines: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    """What ``--path``, ``--hunk`` and ``--lines`` choose, as arguments for the workspace.

    Raises:
        UsageError: hunks or lines without one action and one path.
    """
    raw = [os.fsencode(p) for p in paths]
    if not hunks and not lines:
        return {"paths": raw}
    if len(raw) != 1 or len(set(actions)) != 1:
        raise UsageError(
            "Hunks and lines are numbered within one path of one action.",
            next_step="Name one ACTION and one --path; 'agentsh diff ACTION' shows the numbers.",
        )
    return {name: {raw[0]: chosen} for name, chosen in (("hunks", hunks), ("lines", lines)) if chosen}


def policy_option(function: F) -> F:
    """``--policy NAME|FILE``."""
    return click.option(
        "--policy", default=None, metavar="NAME|FILE", help="review (the default), read-only, trusted, or a TOML file."
    )(function)


_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_LIMIT_FLAGS = {"wall_s": "--timeout"}


def limit_flag(name: str) -> str:
    """The option that sets a limit of the configuration."""
    return _LIMIT_FLAGS.get(name, "--" + name.replace("_", "-"))


class _Bytes(click.ParamType[int]):
    """A number of bytes: 4096, 64M, 1G."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).strip().lower().removesuffix("ib").removesuffix("b")
        number, unit = (text[:-1], _UNITS[text[-1]]) if text[-1:] in _UNITS else (text, 1)
        if not number.isdigit() or not 0 < int(number[:16]) * unit <= _MOST or len(number) > 16:
            self.fail(f"{visible_line(str(value))} is no number of bytes such as 4096, 64M or 1G.", param, ctx)
        return int(number) * unit


_MOST = 1 << 53
_SECONDS = click.FloatRange(min=0, min_open=True, max=_MOST)
_COUNT = click.IntRange(min=1, max=_MOST)
_LIMITS: tuple[tuple[str, click.ParamType[Any], str, str], ...] = (
    ("wall_s", _SECONDS, "S", "Seconds that an action may take."),
    ("cpu_s", _SECONDS, "S", "Seconds of processor time, all its commands together."),
    ("memory_bytes", _Bytes(), "BYTES", "Memory of one command (64M, 1G)."),
    ("output_bytes", _Bytes(), "BYTES", "What it may print on stdout and on stderr, each."),
    ("open_files", _COUNT, "N", "Files and pipes open at once."),
    ("processes", _COUNT, "N", "Commands started."),
    ("staged_bytes", _Bytes(), "BYTES", "What it may add to the staging view."),
    ("staged_files", _COUNT, "N", "Paths that it may add to the staging view."),
    ("loop_iterations", _COUNT, "N", "Turns of all its loops."),
)


def limit_options(function: F) -> F:
    """An option for each limit of an action; the function gets them as further arguments, None where not given."""
    for name, kind, metavar, text in reversed(_LIMITS):
        function = click.option(limit_flag(name), name, type=kind, default=None, metavar=metavar, help=text)(function)
    return function


@contextmanager
def opened(
    directory: str,
    data_dir: Path | None,
    *,
    policy: str | None = None,
    limits: Mapping[str, float | None] | None = None,
    damaged: bool = False,
) -> Iterator[Workspace]:
    """The workspace, with what its opening put right told on stderr; closed on leaving.

    Args:
        directory: the workspace.
        data_dir: where stores live; None for the platform's place.
        policy: instead of the configured one.
        limits: the person's own for this command, over the configured ones; None for one that was not given.
        damaged: open it also when its store is damaged.

    Raises:
        UsageError: ``directory`` is no directory.
    """
    if not Path(directory).is_dir():
        raise UsageError(
            f"{visible_path(os.fsencode(directory))} is not a directory.",
            next_step="Name the workspace with -w DIR.",
        )
    if data_dir is not None:
        # Processes that this one starts must find the same place.
        os.environ["AGENTSH_DATA_DIR"] = str(data_dir)
    from agentsh import Workspace  # noqa: PLC0415 - loads the runtime; --help does without

    with Workspace.open(directory, policy=policy, damaged=damaged) as workspace:
        workspace.on_wait = say
        given: dict[str, Any] = {name: value for name, value in (limits or {}).items() if value is not None}
        if given:
            workspace.config = replace(workspace.config, limits=replace(workspace.config.limits, **given))
        for notice in workspace.config.notices:
            say(f"notice: {visible_line(notice)}")
        for recovery in workspace.recovered:
            say(recovery_line(recovery))
        yield workspace


def recovery_line(recovery: Recovery) -> str:
    """One sentence about what was put right after a crash."""
    paths = ", ".join(visible_path(p) for p in recovery.paths[:5])
    if len(recovery.paths) > 5:
        paths += f" and {len(recovery.paths) - 5} more"
    of = f" ({paths})" if paths else ""
    match recovery.outcome:
        case "finished":
            return f"recovered: commit {recovery.commit} was cut short; it is finished now{of}"
        case "undone":
            return f"recovered: commit {recovery.commit} was cut short before it wrote; it is undone{of}"
        case "conflict":
            return f"recovered: commit {recovery.commit} was cut short and a path changed since; left alone{of}"
        case "unknown":
            return (
                f"recovered: {recovery.request} of {recovery.action} was being sent when its process ended; whether it"
                f" arrived is unknown, and it is not sent again: agentsh outbox {recovery.request}"
            )
        case _:
            what = recovery.action or recovery.commit
            return f"recovered: {what} was cut short; its unfinished effects were dropped{of}"
