"""``eval``: how well a model turns wishes into lines."""

from __future__ import annotations

from pathlib import Path

import click

from agentsh.cli.options import Command, json_option
from agentsh.cli.output import data, data_json, on_terminal, say
from agentsh.core.sanitise import visible_line


@click.command(
    "eval",
    cls=Command,
    examples="""
    agentsh eval --limit 100
    agentsh eval --model openai:gpt-4.1-mini --mode few-shot --json > few-shot.json
    agentsh eval --mode copy
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
    "--tasks",
    "tasks_file",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Other tasks than the held-out ones that ship.",
)
@json_option
def evaluate(*, spec: str, mode: str, limit: int | None, tasks_file: Path | None, as_json: bool) -> int:
    """Run what a model says to wishes it has not seen, and compare it with what references do.

    Each line and its reference run in the sandbox on a small directory of its own. A line is right when it prints the
    same and leaves the same files. Your workspace is not touched.
    """
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
        report = run(None, chosen, tasks_file=tasks_file, limit=limit, on_verdict=watch)
    else:
        with model_for(spec, load_config(Path.cwd()), retrieval=False) as model:
            report = run(model, chosen, tasks_file=tasks_file, limit=limit, on_verdict=watch)
    if as_json:
        data_json(report.to_json())
        return 0
    data(f"{'family':<12}{'right':>7}{'tasks':>7}{'share':>8}")
    for family, right, many in report.rows():
        data(f"{family:<12}{right:>7}{many:>7}{right / max(1, many):>8.0%}")
    return 0
