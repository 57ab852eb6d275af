"""``eval``: how well a model turns wishes into lines."""

from __future__ import annotations

from pathlib import Path

import click

from agentsh.cli.options import Command, json_option
from agentsh.cli.output import data, data_json, on_terminal, say
from agentsh.core.errors import UsageError
from agentsh.core.sanitise import visible_line


@click.command(
    "eval",
    cls=Command,
    examples="""
    agentsh eval --limit 100
    agentsh eval --model openai:gpt-4.1-mini --mode few-shot --json > few-shot.json
    agentsh eval --mode copy
    agentsh eval --tasks my-tasks --model local --results local.jsonl
    """,
)
@click.option("--model", "spec", default="local", show_default=True, metavar="M", help="As 'run' takes it.")
@click.option(
    "--mode",
    type=click.Choice(("zero-shot", "few-shot", "retrieval", "copy")),
    default="retrieval",
    show_default=True,
    help="What the model is shown: nothing, four fixed examples, the four nearest pairs; copy asks no model.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=None, metavar="N", help="Of the tasks, the first N by hash."
)
@click.option(
    "--best-of",
    type=click.IntRange(2, 16),
    default=None,
    metavar="N",
    help="Ask for N lines besides, try them out and rank them: is the first right, is any?",
)
@click.option(
    "--tasks",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE|DIR",
    help="Other wishes than the held-out ones that ship; or a directory of tasks of several steps.",
)
@click.option("--policy", default="review", show_default=True, metavar="NAME|FILE", help="For tasks of several steps.")
@click.option(
    "--max-steps",
    type=click.IntRange(min=1),
    default=25,
    show_default=True,
    metavar="N",
    help="Answers of the model at most, for a task of several steps.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="S",
    help="That a task of several steps may take.",
)
@click.option(
    "--candidates",
    type=click.IntRange(1, 16),
    default=None,
    metavar="N",
    help="For tasks of several steps: answers to ask for at each turn, as 'run' has it.",
)
@click.option(
    "--level",
    "levels",
    type=click.Choice(("easy", "middle", "hard")),
    multiple=True,
    help="Of tasks of several steps, those of this level alone.",
)
@click.option(
    "--results",
    "results_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE",
    help="Keep each result of a task of several steps; the same command again does what is left.",
)
@json_option
def evaluate(
    *,
    spec: str,
    mode: str,
    limit: int | None,
    best_of: int | None,
    tasks: Path | None,
    policy: str,
    max_steps: int,
    seconds: float,
    candidates: int | None,
    levels: tuple[str, ...],
    results_file: Path | None,
    as_json: bool,
) -> int:
    """Run what a model says to wishes it has not seen, and compare it with what references do.

    Each line and its reference run in the sandbox on a small directory of its own. A line is right when it prints the
    same and leaves the same files. Your workspace is not touched.

    With --tasks DIR the model does tasks of several steps, as 'agentsh run' has it do them, each in a directory of its
    own that is removed afterwards. --model replay plays each task's own solution.
    """
    if mode == "copy" and best_of:
        raise UsageError("--mode copy has one line for each wish; --best-of needs a model.")
    if tasks is not None and tasks.is_dir():
        from agentsh.cli.errands import do_errands  # noqa: PLC0415 - see agentsh.cli

        if mode not in ("zero-shot", "retrieval"):
            raise UsageError(f"--mode {mode} is for single lines; tasks of several steps take zero-shot or retrieval.")
        return do_errands(
            tasks,
            spec,
            policy=policy,
            max_steps=max_steps,
            seconds=seconds,
            limit=limit,
            levels=levels,
            retrieval=mode == "retrieval",
            candidates=candidates,
            results_file=results_file,
            as_json=as_json,
        )
    if results_file is not None or levels:
        raise UsageError("--results and --level are for tasks of several steps: name their directory with --tasks.")
    from agentsh.config import load_config  # noqa: PLC0415 - see agentsh.cli
    from agentsh.runtime.models import model_for  # noqa: PLC0415
    from agentsh.runtime.tasks.evaluate import MODES, Report, Verdict  # noqa: PLC0415
    from agentsh.runtime.tasks.evaluate import evaluate as run  # noqa: PLC0415

    (chosen,) = (m for m in MODES if m == mode)

    def tell(verdict: Verdict) -> None:
        mark = "right" if verdict.right else "wrong"
        say(f"{mark}: {visible_line(verdict.task.instruction)} -> {visible_line(verdict.line)[:160]}")

    quiet = as_json or not on_terminal()
    watch = (lambda _verdict: None) if quiet else tell
    report: Report
    if chosen == "copy":
        report = run(None, chosen, tasks_file=tasks, limit=limit, on_verdict=watch)
    else:
        with model_for(spec, load_config(Path.cwd()), retrieval=False) as model:
            many = best_of or 1
            report = run(model, chosen, tasks_file=tasks, limit=limit, best_of=many, on_verdict=watch)
    if as_json:
        data_json(report.to_json())
        return 0
    data(f"{'family':<12}{'right':>7}{'tasks':>7}{'share':>8}")
    for family, right, many in report.rows():
        data(f"{family:<12}{right:>7}{many:>7}{right / max(1, many):>8.0%}")
    if report.best_of > 1:
        several = report.to_json()["best_of"]
        data(f"of {several['lines']} lines: the first by rank {several['ranked']}, any {several['any']}")
    return 0
