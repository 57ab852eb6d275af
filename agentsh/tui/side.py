"""The panel beside the conversation: who works, by which rules, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentsh.tui import words
from agentsh.tui.text import Row, Safe, Span, fit, safe, title

if TYPE_CHECKING:
    from agentsh.core.action import ActionRecord
    from agentsh.core.diff import FileDiff
    from agentsh.core.report import LogEntry

_MOST = 200
LATELY = 8
"""Entries of the timeline that are listed."""


@dataclass(slots=True)
class Facts:
    """How things stand.

    Attributes:
        policy: the policy's name.
        model: the model's name; empty when none is chosen.
        session: the session that goes on with the next task; None before the first.
        tokens_in: tokens that went to the model in this session, as the endpoint counts.
        tokens_out: tokens that came from it.
        cost: both in dollars; None where the model's profile names no price.
        pending: the actions that are staged, oldest first.
        diffs: what they change, taken together.
        lately: the last entries of the timeline, the newest first.
    """

    policy: str = ""
    model: str = ""
    session: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None
    pending: tuple[ActionRecord, ...] = ()
    diffs: tuple[FileDiff, ...] = ()
    lately: tuple[LogEntry, ...] = ()


def side_rows(facts: Facts, width: int) -> list[Row]:
    """The rows of the panel, for ``width`` cells."""
    tokens = f"{facts.tokens_in:,} in, {facts.tokens_out:,} out"
    named = (
        ("policy", title(facts.policy)),
        ("model", title(facts.model) or Safe("none")),
        ("session", safe(facts.session or "none yet")),
        ("tokens", safe(tokens)),
        *((("cost", safe(f"${facts.cost:.4f}")),) if facts.cost is not None else ()),
    )
    rows: list[Row] = [(Span(safe(f"{name:<8}"), "dim"), Span(fit(text, max(1, width - 8)))) for name, text in named]
    rows.append(())
    if not facts.pending:
        return [*rows, (Span(Safe("Nothing to review"), "heading"),), *_lately(facts, width)]
    rows.append((Span(safe(f"{words.count(len(facts.pending), 'action')} to review"), "heading"),))
    for record in facts.pending[:_MOST]:
        mark, style = words.STATUS[record.status.value]
        name = title(record.spec.title, most=max(1, width - len(record.id) - 3))
        rows.append((Span(safe(f"{mark} "), style), Span(safe(f"{record.id} "), "dim"), Span(name)))
    rows += [(), (Span(safe(words.count(len(facts.diffs), "path")), "heading"), *words.total(facts.diffs))]
    for diff in facts.diffs[:_MOST]:
        counts = words.changed(diff.added, diff.removed)
        flag = (Span(Safe(" !"), "flag"),) if diff.flags else ()
        room = max(1, width - 2 - sum(len(s.text) for s in (*counts, *flag)))
        name = words.path_text(diff)
        # The end of a path says more than its beginning.
        name = name if len(name) <= room else Safe("…" + name[len(name) - room + 1 :])
        rows.append((words.MARKS[diff.kind], Span(Safe(" ")), Span(name), *flag, *counts))
    return [*rows, *_lately(facts, width)]


def _lately(facts: Facts, width: int) -> list[Row]:
    """What happened last: the top of the timeline."""
    if not facts.lately:
        return []
    rows: list[Row] = [(), (Span(Safe("Lately"), "heading"),)]
    for entry in facts.lately:
        head = (Span(safe(f"{entry.id} "), "dim"), Span(safe(f"{entry.status} "), "dim"))
        room = max(1, width - sum(len(s.text) for s in head))
        rows.append((*head, Span(title(entry.title, most=room))))
    return rows
