"""``eval --tasks DIR``: a model does tasks of several steps, and is judged by what it leaves."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from agentsh.cli.output import data_json, is_terminal, say
from agentsh.core.errors import Interrupted
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.runtime.tasks.errand_run import ErrandReport, ErrandResult


def do_errands(
    directory: Path,
    spec: str,
    *,
    policy: str,
    max_steps: int,
    seconds: float,
    limit: int | None,
    levels: Sequence[str],
    retrieval: bool,
    candidates: int | None,
    results_file: Path | None,
    as_json: bool,
) -> int:
    """Have the model do the tasks of a directory; the exit code is 0 also where it fails at some."""
    from agentsh.config import load_config  # noqa: PLC0415 - see agentsh.cli
    from agentsh.runtime.models import candidates_for, model_for  # noqa: PLC0415
    from agentsh.runtime.tasks.errand import read_errands  # noqa: PLC0415
    from agentsh.runtime.tasks.errand_run import REPLAY, Results, Terms, pick, run_errands  # noqa: PLC0415

    errands = pick(read_errands(directory), limit, levels)
    config = load_config(Path.cwd())
    many = candidates_for(spec, config, candidates)
    terms = Terms(spec, policy, max_steps, seconds, retrieval=retrieval, candidates=many)
    results = Results(results_file, terms)
    left = [e for e in errands if results.of(e) is None]
    watch = None if as_json else _Progress(len(errands))
    playing = spec == REPLAY or not left  # nothing to ask a model for
    mind = nullcontext(None) if playing else model_for(spec, config, retrieval=retrieval)
    tell = watch.tell if watch else lambda _result, _fresh: None
    with mind as model, watch or nullcontext():
        report = run_errands(errands, model, terms, results=results, on_result=tell)
    if as_json:
        data_json(report.to_json())
    else:
        _show(report)
    if report.left:
        if not as_json:
            say(f"agentsh: Stopped with {report.left} tasks to do. What was done is above.")
            if results_file is not None:
                say("  The same command goes on.")
        return Interrupted.exit_code
    return 0


class _Progress:
    """A bar on a terminal, and a line for each task."""

    def __init__(self, many: int) -> None:
        self._many = many
        self._done = 0
        self._live = is_terminal(sys.stderr)

    def __enter__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - see agentsh.cli
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True, disable=not self._live)
        self._task = self._bar.add_task("tasks", total=self._many)
        self._bar.start()

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, result: ErrandResult, fresh: bool) -> None:  # noqa: FBT001 - as the runtime calls it
        """Tell of one result."""
        self._done += 1
        mark = "solved" if result.solved else "failed"
        again = "" if fresh else " (from the results file)"
        why = f": {visible_line(result.why)[:200]}" if result.why else ""
        cost = f"{result.steps} steps, {result.seconds:.1f} s"
        text = f"{mark} {result.level} {visible_line(result.name)}, {cost}{again}{why}"
        if self._live:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
            self._bar.update(self._task, completed=self._done)
        else:
            say(text)


def _show(report: ErrandReport) -> None:
    from rich.console import Console  # noqa: PLC0415 - see agentsh.cli
    from rich.table import Table  # noqa: PLC0415

    title = f"{visible_line(report.terms.model)}, policy {visible_line(report.terms.policy)}"
    table = Table(title=title, title_justify="left")
    for name in ("tasks", "solved", "of", "share", "steps", "denied", "tokens read", "tokens written", "seconds"):
        table.add_column(name, justify="left" if name == "tasks" else "right")
    for level, solved, many in report.rows():
        some = [r for r in report.results if level in ("all", r.level)]
        if level == "all":
            table.add_section()
        table.add_row(
            level,
            str(solved),
            str(many),
            f"{solved / max(1, many):.0%}",
            str(sum(r.steps for r in some)),
            str(sum(r.denied for r in some)),
            f"{sum(r.prompt_tokens for r in some):,}",
            f"{sum(r.completion_tokens for r in some):,}",
            f"{sum(r.seconds for r in some):.1f}",
        )
    Console(markup=False, highlight=False, width=None if is_terminal(sys.stdout) else 120).print(table)
