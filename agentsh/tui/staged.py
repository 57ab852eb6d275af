"""What is staged, as the review shows it: an answer is about this, and about nothing that came after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agentsh.core.decision import Verdict
from agentsh.core.effect import EffectKind, EffectState
from agentsh.core.effect_class import EffectClass
from agentsh.core.entry import EntryType
from agentsh.core.errors import ConflictError
from agentsh.core.request import UNSETTLED, RequestState
from agentsh.core.sanitise import visible_path
from agentsh.tui import words
from agentsh.tui.text import Row, Safe, Span, safe, title

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentsh.core.action import ActionRecord
    from agentsh.core.decision import Decision
    from agentsh.core.diff import FileDiff
    from agentsh.core.request import RequestEffect
    from agentsh.runtime.workspace import Workspace

_OPEN = (EffectState.PENDING, EffectState.APPROVED)

_CLASSES = {
    EffectClass.REVERSIBLE: Span(Safe("reversible: a revert brings it back"), "added"),
    EffectClass.COMPENSABLE: Span(Safe("compensable: a call of its own takes it back"), "changed"),
    EffectClass.IRREVERSIBLE: Span(Safe("irreversible: nothing takes it back once it is sent"), "error"),
}
_VERDICTS = {Verdict.ASK: "asks", Verdict.DENY: "denied", Verdict.ALLOW: "allowed"}


@dataclass(frozen=True, slots=True)
class Shown:
    """An action as it is on the screen.

    Attributes:
        record: the action.
        diffs: its effects that are still staged.
        decisions: for each of them what the policy says about it.
        requests: what it wants to send, and that of which nobody knows, each with its body.
    """

    record: ActionRecord
    diffs: tuple[FileDiff, ...]
    decisions: tuple[Decision | None, ...]
    requests: tuple[tuple[RequestEffect, bytes], ...] = ()

    @property
    def held(self) -> list[RequestEffect]:
        """The requests that wait for a yes."""
        return [r for r, _ in self.requests if r.state is RequestState.HELD]

    @property
    def seen(self) -> dict[str, str]:
        """What an approval or a rejection names."""
        return {self.record.id: self.record.changes.digest}

    @property
    def landing(self) -> dict[str, str]:
        """What a commit names; nothing when nothing of it is approved."""
        return {self.record.id: self.record.changes.landing_digest} if self.approved else {}

    @property
    def approved(self) -> frozenset[bytes]:
        """What is approved of it, each effect by all that it is."""
        effects = [e for e in self.record.changes if e.state is EffectState.APPROVED]
        files = {b"\0".join((e.path, *(s.encode() if s else b"-" for s in (e.before, e.after)))) for e in effects}
        sends = {r.encode() for r in self.record.changes.requests if r.state is RequestState.APPROVED}
        return frozenset(files | sends)

    @property
    def reasons(self) -> tuple[tuple[str, ...], ...]:
        """For each effect why a person is asked about it."""
        asked = ((d,) if d is not None and d.verdict is Verdict.ASK else () for d in self.decisions)
        return tuple(tuple(f"asks because: {d.reason}" for d in decisions) for decisions in asked)


def look(workspace: Workspace) -> list[Shown]:
    """All that is staged."""
    out = []
    for record in workspace.status().pending:
        diffs = tuple(d for d in _renamed(workspace.diff(record.id)) if d.state in _OPEN)
        why = {e.about: e.decision for e in workspace.explain(record.id)}
        open_ = [r for r in record.changes.requests if r.state in UNSETTLED]
        requests = tuple((r, workspace.body(r)) for r in open_)
        # The record and the diffs were read one after the other: they belong together only if nothing came between.
        now = workspace.show(record.id).changes
        if (now.digest, now.landing_digest) != (record.changes.digest, record.changes.landing_digest):
            raise ConflictError(f"The effects of {record.id} changed while they were read.", next_step="Look again.")
        out.append(Shown(record, diffs, tuple(why.get(d.path) for d in diffs), requests))
    return out


def _renamed(diffs: Iterable[FileDiff]) -> list[FileDiff]:
    """The diffs, with the word where the content of a path that goes turns up at one that comes, and nowhere else."""
    every = list(diffs)
    gone: dict[bytes, list[FileDiff]] = {}
    come: dict[bytes, list[FileDiff]] = {}
    for diff in every:
        for kind, entry, found in ((EffectKind.DELETE, diff.before, gone), (EffectKind.CREATE, diff.after, come)):
            if diff.kind is kind and entry is not None and entry.type is EntryType.FILE and entry.size and entry.digest:
                found.setdefault(entry.digest, []).append(diff)
    said: dict[bytes, str] = {}
    for digest in gone.keys() & come.keys():
        if len(gone[digest]) == len(come[digest]) == 1:
            old, new = gone[digest][0].path, come[digest][0].path
            said[old], said[new] = f"renamed to {visible_path(new)}", f"renamed from {visible_path(old)}"
    return [replace(d, note="; ".join(filter(None, (said[d.path], d.note)))) if d.path in said else d for d in every]


def action_row(shown: Shown) -> Row:
    """The line of an action."""
    record = shown.record
    mark, style = words.STATUS[record.status.value]
    asked = "you" if record.session is None else record.session
    return (
        Span(safe(f"{mark} "), style),
        Span(title(record.id), "heading"),
        Span(Safe(" ")),
        Span(title(record.spec.title, most=60), "title"),
        Span(safe(f"  ({asked})"), "dim"),
    )


def file_row(diff: FileDiff) -> Row:
    """The line of a file."""
    state = words.STATE_MARKS[diff.state] if diff.state is not None else Span(Safe("   "))
    flag = (Span(Safe(" !"), "flag"),) if diff.flags else ()
    counts = words.changed(diff.added, diff.removed)
    name = Span(words.path_text(diff))
    return (Span(Safe(" ")), state, Span(Safe(" ")), words.MARKS[diff.kind], Span(Safe(" ")), name, *flag, *counts)


def why_rows(shown: Shown, file: int) -> list[Row]:
    """The class of what the cursor is on, and why a person is asked about it.

    Args:
        shown: the action.
        file: one of its files; -1 for the action; counting on, one of its requests.
    """
    if file >= len(shown.diffs):
        request = shown.requests[file - len(shown.diffs)][0]
        return [_class(request.effect_class), (Span(safe(f"? asks because: {_every_send(shown)}"), "flag"),)]
    sends = [r for r, _ in shown.requests] if file < 0 else []
    worst = max((r.effect_class for r in sends), default=EffectClass.REVERSIBLE, key=list(EffectClass).index)
    chosen = slice(None) if file < 0 else slice(file, file + 1)
    decisions = [d for d in shown.decisions[chosen] if d is not None]
    order = (Verdict.DENY, Verdict.ASK, Verdict.ALLOW)
    said = dict.fromkeys((d.verdict, d.reason) for d in sorted(decisions, key=lambda d: order.index(d.verdict)))
    because = [f"{_VERDICTS[verdict]} because: {reason}" for verdict, reason in said]
    if sends:
        because.append(f"asks because: {_every_send(shown)}")
    flags = dict.fromkeys(flag for d in shown.diffs[chosen] for flag in d.flags)
    rows: list[Row] = [_class(worst)]
    if because:
        more = f"  (and {words.count(len(because) - 1, 'other reason')})" if len(because) > 1 else ""
        rows.append((Span(safe(f"? {because[0]}{more}"), "flag"),))
    if flags:
        rows.append((Span(safe(f"! {words.reasons(tuple(flags))}"), "flag"),))
    return rows


def _every_send(shown: Shown) -> str:
    decision = shown.record.decision
    return decision.reason if decision is not None and decision.verdict is Verdict.ASK else "it sends something"


def _class(of: EffectClass) -> Row:
    return (_CLASSES[of],)
