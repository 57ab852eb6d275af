"""Which of several candidates goes on: by what came of trying them out, by agreement, and by the model's own word."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agentsh.core.effect import EffectKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.llm import Sample
    from agentsh.runtime.trial import Trial

_CHANGES = re.compile(
    r"\b(add|append|apply|build|change|clean|convert|copy|create|delete|edit|extract|fix|generate|insert|make|merge|"
    r"migrate|move|patch|put|remove|rename|repair|replace|rewrite|save|set|sort|split|swap|turn|unpack|update|write)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"^\W*(how|what|which|who|where|when|why|is|are|does|do|list|show|print|count|find|tell|name|explain)\b",
    re.IGNORECASE,
)
_LEAVES = re.compile(r"\b(change nothing|do not change|don't change|without changing|read.only)\b", re.IGNORECASE)
_DELETES = re.compile(r"\b(delete|remove|clean|drop|purge|move|rename|clear|empty)\b", re.IGNORECASE)
_MANY_DELETED = 5
_MANY_CHANGED = 200
_NO_COMMAND = (126, 127)


@dataclass(frozen=True)
class Candidate:
    """An answer of the model, and what came of trying it out.

    Attributes:
        sample: the answer, and how sure the model was.
        trial: what came of its calls; None when it has none that could be tried out.
        problem: why it could not be; empty otherwise.
        score: how good it looks; more is better.
        reasons: what the score is made of, for people.
    """

    sample: Sample
    trial: Trial | None = None
    problem: str = ""
    score: float = 0.0
    reasons: tuple[str, ...] = ()


def wants_change(task: str) -> bool | None:
    """Whether a task asks for changed files; None when its words do not say."""
    if _LEAVES.search(task):
        return False
    if _ASKS.match(task) and not re.search(r"\b(into|write|save|create)\b", task, re.IGNORECASE):
        return False
    return True if _CHANGES.search(task) else None


def rank(candidates: Sequence[Candidate], task: str) -> list[Candidate]:
    """The candidates, the best first; among equals the one that came first.

    Args:
        candidates: as they were tried out.
        task: the person's words.
    """
    same = Counter(_key(c) for c in candidates)
    scored = [_scored(c, task, agreeing=same[_key(c)] - 1, others=len(candidates) - 1) for c in candidates]
    return sorted(scored, key=lambda c: -c.score)


def _key(candidate: Candidate) -> object:
    """Equal for candidates that come to the same."""
    if candidate.trial is not None and candidate.trial.outcome:
        return candidate.trial.outcome
    answer = candidate.sample.answer
    calls = tuple((c.name, repr(sorted((c.arguments or {}).items(), key=str))) for c in answer.tool_calls)
    return calls or " ".join(answer.text.lower().split())


def _scored(candidate: Candidate, task: str, *, agreeing: int, others: int) -> Candidate:
    points: list[tuple[float, str]] = []
    if candidate.problem:
        points.append((-4.0, candidate.problem))
    if candidate.trial is not None:
        points += _of_trial(candidate.trial, task)
    if others and agreeing:
        points.append((2.0 * agreeing / others, f"{agreeing} of {others} others come to the same"))
    if candidate.sample.logprob is not None:
        points.append((max(-1.0, candidate.sample.logprob), f"mean logprob {candidate.sample.logprob:.2f}"))
    return replace(candidate, score=sum(p for p, _ in points), reasons=tuple(why for _, why in points if why))


def _of_trial(trial: Trial, task: str) -> list[tuple[float, str]]:
    if trial.denied:
        return [(-4.0, f"the policy denies it: {trial.problem}".rstrip(": "))]
    if trial.exit_code is None:
        return [(-3.0, trial.problem)]
    points = [_of_exit(trial)]
    changed, wanted = len(trial.changes), wants_change(task)
    if changed and wanted is False:
        points.append((-2.0, "it changes files, and the task asks for none"))
    elif changed and wanted:
        points.append((1.0, "it changes files, as the task asks"))
    deleted = sum(e.kind is EffectKind.DELETE for e in trial.changes)
    if deleted > _MANY_DELETED and not _DELETES.search(task):
        points.append((-2.0, f"it deletes {deleted} files"))
    if changed > _MANY_CHANGED:
        points.append((-1.0, f"it changes {changed} files"))
    if any(e.flags for e in trial.changes):
        points.append((-0.5, "it changes what deserves a second look"))
    return points


def _of_exit(trial: Trial) -> tuple[float, str]:
    if trial.problem:
        return -2.0, trial.problem
    if trial.exit_code == 0:
        return 2.0, "exit code 0"
    if trial.exit_code in _NO_COMMAND:
        return -3.0, "it runs a command that there is not"
    quiet = trial.exit_code == 1 and not trial.stderr  # grep, diff and test say no so
    return (0.0 if quiet else -1.0), f"exit code {trial.exit_code}"
