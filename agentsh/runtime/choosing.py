"""The model's next turn, chosen among several that were tried out."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from agentsh.core.action import ActionKind
from agentsh.core.errors import UsageError
from agentsh.core.sanitise import visible_line, visible_path, visible_title
from agentsh.llm.model import Usage
from agentsh.runtime.events import CandidatesRanked, CandidateSummary, EffectSummary
from agentsh.runtime.ranking import Candidate, rank
from agentsh.runtime.tools import shorten, to_action

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from agentsh.core.action import ActionSpec
    from agentsh.core.diff import FileDiff
    from agentsh.llm import Answer, Model, Sample
    from agentsh.runtime.agent_workspace import AgentWorkspace
    from agentsh.runtime.events import Event

_MOST_EFFECTS = 50
_SHOWN = 1000  # characters of what a candidate printed, in an event


@dataclass(frozen=True)
class Choice:
    """The candidates of one turn, the best first.

    Attributes:
        event: what is told of them.
        diffs: for each its effects as lines, for people to page through.
    """

    event: CandidatesRanked
    diffs: tuple[tuple[FileDiff, ...], ...]


def choose(
    workspace: AgentWorkspace,
    model: Model,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]],
    many: int,
    *,
    session: str,
    step: int,
    task: str,
    emit: Callable[[Event], None],
    on_notice: Callable[[str], None],
    on_choice: Callable[[Choice], None] | None,
    stop: threading.Event,
) -> Answer:
    """Have the model give several answers, try out what they would do, and take the best.

    What the others would have done is in an event, and nowhere else.
    """
    start = time.monotonic()
    samples = model.sample(messages, tools, many, on_notice=on_notice, stop=stop)
    usage = sum((s.answer.usage for s in samples), Usage())
    thought = time.monotonic() - start
    ranked = rank(_tried(workspace, samples), task) if len(samples) > 1 else [Candidate(samples[0])]
    if len(ranked) > 1:
        event = CandidatesRanked(
            session,
            step=step,
            candidates=tuple(_summary(c) for c in ranked),
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            model_s=round(thought, 3),
            trial_s=round(time.monotonic() - start - thought, 3),
        )
        emit(event)
        if on_choice is not None:
            on_choice(Choice(event, tuple(c.trial.diffs if c.trial else () for c in ranked)))
    return replace(ranked[0].sample.answer, usage=usage)


def _tried(workspace: AgentWorkspace, samples: Sequence[Sample]) -> list[Candidate]:
    """Each candidate with what came of it. Those that say the same are tried out once."""
    wanted: list[list[ActionSpec] | None] = []
    problems: list[str] = []
    for sample in samples:
        try:
            specs: list[ActionSpec] | None = [to_action(c) for c in sample.answer.tool_calls]
            problem = ""
        except UsageError as e:
            specs, problem = None, visible_line(e.what)
        if specs is not None and any(s.kind is ActionKind.HTTP for s in specs):
            specs = None  # what leaves the sandbox leaves it once, when it was chosen
        wanted.append(specs)
        problems.append(problem)
    different = [s for n, s in enumerate(wanted) if s and s not in wanted[:n]]
    trials = workspace.try_out(different)
    return [
        Candidate(sample, trials[different.index(specs)] if specs else None, problem)
        for sample, specs, problem in zip(samples, wanted, problems, strict=True)
    ]


def _summary(candidate: Candidate) -> CandidateSummary:
    answer, trial = candidate.sample.answer, candidate.trial
    titles = []
    for call in answer.tool_calls:
        try:
            titles.append(visible_title(to_action(call).title)[:300])
        except UsageError:
            titles.append(visible_line(call.name))
    diffs = {d.path: d for d in trial.diffs} if trial else {}
    effects = [
        EffectSummary(
            visible_path(e.path),
            e.kind.value,
            tuple(e.flags),
            diffs[e.path].added if e.path in diffs else None,
            diffs[e.path].removed if e.path in diffs else None,
            "tried",
        )
        for e in (trial.changes.effects[:_MOST_EFFECTS] if trial else ())
    ]
    return CandidateSummary(
        text=answer.text,
        titles=tuple(titles),
        score=round(candidate.score, 3),
        reasons=tuple(visible_line(r) for r in candidate.reasons),
        exit_code=trial.exit_code if trial else None,
        stdout=shorten(trial.stdout, _SHOWN) if trial else "",
        effects=tuple(effects),
        logprob=candidate.sample.logprob,
    )
