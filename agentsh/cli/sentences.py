"""Actions, effects and differences in whole words: nothing that only a mark, a colour or a column says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.cli.words import OPEN, count, path_text, reasons, title
from agentsh.core.effect import EffectKind
from agentsh.core.request import UNSETTLED
from agentsh.core.sanitise import visible, visible_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentsh.core.action import ActionRecord
    from agentsh.core.diff import FileDiff, Hunk
    from agentsh.core.report import LogEntry

VERBS = {
    EffectKind.CREATE: "added",
    EffectKind.MODIFY: "modified",
    EffectKind.DELETE: "deleted",
    EffectKind.MODE: "mode changed",
    EffectKind.XATTR: "attributes changed",
    EffectKind.RETYPE: "type changed",
}
_TAGS = {"+": "added", "-": "removed", " ": "same"}
_MOST_COLUMNS = 2_000


def action(record: ActionRecord, diffs: Sequence[FileDiff]) -> Iterator[str]:
    """An action, and each of its effects that are staged."""
    who = f"session {record.session}" if record.session else "you"
    ended = f", exit code {record.exit_code}" if record.exit_code else ""
    yield f"Action {record.id}, {record.status.value}, by {who}{ended}: {title(record)}"
    decision = record.decision
    if decision is not None and decision.verdict.value in ("ask", "deny"):
        word = "asks" if decision.verdict.value == "ask" else "denies it"
        yield f"The policy {word} because: {visible_line(decision.reason)}"
    if record.note:
        yield f"Note: {visible_line(record.note)}"
    staged = [d for d in diffs if d.state in OPEN]
    for diff in staged:
        yield effect(diff)
    requests = [r for r in record.changes.requests if r.state in UNSETTLED]
    for request in requests:
        yield f"Request {request.id}, {request.state.value}: it would send {visible_line(request.title)}"
    if not staged and not requests:
        yield "Nothing of it waits for an answer."


def effect(diff: FileDiff) -> str:
    """One effect."""
    parts = [f"{VERBS[diff.kind]} {path_text(diff)}"]
    parts += [f"{count(diff.added, 'line')} added"] if diff.added else []
    parts += [f"{count(diff.removed, 'line')} removed"] if diff.removed else []
    parts += ["binary"] if diff.binary else []
    parts += [visible_line(diff.note)] if diff.note else []
    parts += [diff.state.value] if diff.state is not None else []
    said = ", ".join(parts)
    return said[:1].upper() + said[1:] + (f". Look twice: {reasons(diff.flags)}" if diff.flags else "")


def difference(diffs: Sequence[FileDiff]) -> Iterator[str]:
    """Every line that changes, with what is round it, each with its number."""
    for diff in diffs:
        yield effect(diff)
        for hunk in diff.hunks or diff.inside:
            yield from _hunk(hunk)
    if not diffs:
        yield "No file changes."


def _hunk(hunk: Hunk) -> Iterator[str]:
    name = f"Hunk {hunk.number}" if hunk.number else "Part"
    yield f"{name}, from line {max(1, hunk.new_start)}:"
    old, new = hunk.old_start, hunk.new_start
    for line in hunk.lines:
        at = old if line.tag == "-" else new
        old += line.tag != "+"
        new += line.tag != "-"
        text = visible(line.text.decode("utf-8", "surrogateescape").removesuffix("\n")).replace("\n", "\\n")
        cut = text if len(text) <= _MOST_COLUMNS else text[:_MOST_COLUMNS] + "…"
        yield f"{_TAGS[line.tag]} {at}: {cut}"


def entry(found: LogEntry) -> str:
    """An entry of the timeline."""
    return f"{found.id}, {found.status or found.kind.value}: {visible_line(found.title)}"
