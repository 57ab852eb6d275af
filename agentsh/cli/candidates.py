"""Candidates: what else the model proposed, and what it would have changed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from agentsh.cli import diffs as render
from agentsh.cli.paint import Page, Span, show
from agentsh.core.sanitise import visible, visible_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentsh.core.diff import FileDiff
    from agentsh.runtime.choosing import Choice
    from agentsh.runtime.events import CandidatesRanked, CandidateSummary

_MOST_LINES = 12


def one_line(event: CandidatesRanked) -> str:
    """How many there were, why the first was taken, and what they cost."""
    first = event.candidates[0]
    why = ", ".join(visible_line(r) for r in first.reasons) or "it came first"
    tokens = f"{event.prompt_tokens + event.completion_tokens:,} tokens, " if event.prompt_tokens else ""
    cost = f"{tokens}{event.model_s:.1f} s to think, {event.trial_s:.1f} s to try"
    return f"1 of {len(event.candidates)}: {why} ({cost})"


def page_through(choices: Sequence[Choice], answer: Callable[[str], str | None]) -> None:
    """Show the candidates of each turn, one after the other, the one that was taken first."""
    shown = [(choice, n) for choice in choices for n in range(len(choice.event.candidates))]
    at = 0
    while 0 <= at < len(shown):
        choice, n = shown[at]
        page = Page()
        _add(page, choice.event, n, choice.diffs[n])
        show(page, stream=sys.stderr)
        match answer("Candidates: [n]ext [p]revious [q]uit "):
            case "n" | "":
                at += 1
            case "p":
                at = max(0, at - 1)
            case _:
                return


def _add(page: Page, event: CandidatesRanked, n: int, diffs: tuple[FileDiff, ...]) -> None:
    candidate = event.candidates[n]
    taken = ", taken" if n == 0 else ", not taken: nothing of it was kept"
    page.add()
    page.add(Span(f"step {event.step}: {n + 1} of {len(event.candidates)}", "bold"), Span(taken, "dim"))
    for title in candidate.titles:
        page.add(Span("> ", "bold cyan"), Span(visible_line(title), "cyan"))
    for line in _lines(candidate.text):
        page.add(line)
    for line in _lines(candidate.stdout):
        page.add(Span(f"  {line}", "dim"))
    page.add(Span(f"score {candidate.score:g}: {', '.join(visible_line(r) for r in candidate.reasons)}", "dim"))
    if diffs:
        render.full(page, list(diffs), fold=True)
    _rest(page, candidate, len(diffs))


def _rest(page: Page, candidate: CandidateSummary, shown: int) -> None:
    if (more := len(candidate.effects) - shown) > 0:
        page.add(f"{more} more paths without their lines")
    elif not candidate.effects:
        page.add("It changes no files.")


def _lines(text: str) -> list[str]:
    lines = visible(text).splitlines()
    left = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], f"and {left} more lines"] if left > 0 else lines
