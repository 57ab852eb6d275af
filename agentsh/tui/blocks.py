"""What a conversation is made of: words, and cards of actions; each knows its rows at a width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.effect import Flag
from agentsh.core.flags import FLAG_REASONS
from agentsh.tui import words
from agentsh.tui.text import Row, Safe, Span, safe, title, wrap

if TYPE_CHECKING:
    from agentsh.core.action import ActionRecord
    from agentsh.core.diff import FileDiff
    from agentsh.core.errors import AgentshError
    from agentsh.runtime.events import ActionFinished

_TAIL = 20_000
"""Characters of a running action's output that are kept for its card; the store has all of it."""
_OUTPUT_LINES = 6
_EFFECTS = 5
_KINDS = {kind.value: (words.MARKS[kind], words.VERBS[kind]) for kind in words.MARKS}


class Block:
    """A piece of a conversation.

    Attributes:
        action: the id of the action that it is about; empty for words.
    """

    action = ""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._width = 0

    def rows(self, width: int) -> list[Row]:
        """Its rows, for a view of ``width`` cells."""
        if width != self._width or not self._rows:
            self._width = width
            self._rows = self._make(width)
        return self._rows

    def changed(self) -> None:
        """Its rows are to be made again."""
        self._rows = []

    def _make(self, width: int) -> list[Row]:
        raise NotImplementedError


class Words(Block):
    """What somebody says.

    Args:
        text: raw text.
        mark: two cells before its first line.
        style: how it looks.
        prose: whether headings and code in it look as such.
    """

    def __init__(self, text: str, *, mark: str = "  ", style: str = "", prose: bool = False) -> None:
        super().__init__()
        self._text = text
        self._mark = Span(Safe(mark), style or "dim")
        self._style = style
        self._prose = prose
        self._whole: list[Row] = []  # rows of the lines that are complete
        self._seen = 0  # characters that they take
        self._code = False

    def append(self, text: str) -> None:
        """More is said. Only the line that was open is laid out again."""
        self._text += text
        self._rows = []

    def _make(self, width: int) -> list[Row]:
        if width != getattr(self, "_laid_out", width):
            self._whole, self._seen, self._code = [], 0, False
        self._laid_out = width
        end = self._text.rfind("\n") + 1
        if end > self._seen:
            for line in self._text[self._seen : end - 1].split("\n"):
                self._whole += self._line(line, width, first=not self._whole)
            self._seen = end
        code = self._code
        rest = self._line(self._text[end:], width, first=not self._whole) if self._text[end:] else []
        self._code = code
        return [*self._whole, *rest, ()]

    def _line(self, line: str, width: int, *, first: bool) -> list[Row]:
        style = self._style
        if self._prose and line.lstrip().startswith("```"):
            self._code = not self._code
            style = "dim"
        elif self._prose and self._code:
            style = "code"
        elif self._prose and line.startswith("#"):
            style = "heading"
        lead = self._mark if first else Span(Safe("  "))
        shown = wrap(safe(line, most=20_000), max(10, width - 2))
        return [(lead if k == 0 else Span(Safe("  ")), Span(part, style)) for k, part in enumerate(shown)]


def error_words(error: AgentshError) -> Words:
    """What happened, what it means for the files, what to do next."""
    return Words("\n".join(p for p in (error.what, error.files, error.next_step) if p), mark="! ", style="error")


class Card(Block):
    """An action: what, how it stands, what it changed, and why to look twice.

    Args:
        name: raw text that names it.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._title = name
        self._status = "running"
        self._tail = ""
        self._output_cut = False
        self._facts: list[Row] = []
        self._effects: list[Row] = []
        self._lines: tuple[Span, ...] = ()

    @property
    def status(self) -> str:
        """How it stands."""
        return self._status

    def output(self, text: str) -> None:
        """It printed more."""
        whole = self._tail + text
        self._output_cut |= len(whole) > _TAIL
        self._tail = whole[-_TAIL:]
        self.changed()

    def finish_event(self, event: ActionFinished) -> None:
        """It ended, as the agent loop tells it."""
        self.action = event.action
        self._status = event.status
        self._end(event.exit_code, event.stopped, event.note, event.duration_s)
        if event.verdict in ("ask", "deny") and event.reason:
            self._because(event.verdict, event.reason)
        for effect in event.effects[:_EFFECTS]:
            mark, verb = _KINDS[effect.kind]
            counts = words.changed(effect.added, effect.removed)
            self._effect(mark, safe(effect.path), verb, counts, tuple(Flag(f) for f in effect.flags))
        self._more(len(event.effects))
        for request in event.requests:
            self._request(f"{request.method} {request.url}", request.state)
        self._lines = words.changed(
            sum(e.added or 0 for e in event.effects), sum(e.removed or 0 for e in event.effects)
        )

    def finish_record(self, record: ActionRecord, diffs: list[FileDiff]) -> None:
        """It ended, as the journal has it."""
        self.action = record.id
        self._status = record.status.value
        self._end(record.exit_code, record.stopped, record.note, record.duration)
        if record.decision is not None and record.decision.verdict.value in ("ask", "deny"):
            self._because(record.decision.verdict.value, record.decision.reason)
        for diff in diffs[:_EFFECTS]:
            counts = words.changed(diff.added, diff.removed)
            self._effect(words.MARKS[diff.kind], words.path_text(diff), words.VERBS[diff.kind], counts, diff.flags)
        self._more(len(record.changes))
        for held in record.changes.requests:
            self._request(held.title, held.state.value)
        self._lines = words.total(diffs)

    def stands(self, status: str) -> None:
        """It stands otherwise now: it was approved, or committed."""
        if status != self._status:
            self._status = status
            self.changed()

    def _end(self, code: int | None, stopped: str, note: str, seconds: float) -> None:
        self._facts, self._effects = [], []
        said = [f"exit {code}"] if code else []
        said += [f"stopped by its limit: {stopped}"] if stopped else []
        said += [note] if note else []
        said += [f"{seconds:.1f} s"] if seconds >= 10 else []
        if said:
            self._facts.append((Span(Safe("  │ "), "dim"), Span(safe(", ".join(said)), "error" if code else "dim")))
        self.changed()

    def _because(self, verdict: str, reason: str) -> None:
        word = "asks" if verdict == "ask" else "denied"
        style = "changed" if verdict == "ask" else "error"
        self._facts.append((Span(Safe("  │ "), "dim"), Span(safe(f"{word} because: {reason}"), style)))

    def _effect(self, mark: Span, name: Safe, verb: str, counts: tuple[Span, ...], flags: tuple[Flag, ...]) -> None:
        head = (Span(Safe("  │ "), "dim"), mark, Span(Safe(" ")), Span(name), Span(safe(f"  {verb}"), "dim"), *counts)
        self._effects.append(head)
        for flag in flags:
            self._effects.append((Span(Safe("  │   "), "dim"), Span(safe(f"! {FLAG_REASONS[flag]}"), "flag")))

    def _request(self, name: str, state: str) -> None:
        mark = Span(Safe("→"), "flag")
        told = (Span(title(name, most=200)), Span(safe(f"  {state}"), "dim"))
        self._effects.append((Span(Safe("  │ "), "dim"), mark, Span(Safe(" ")), *told))

    def _more(self, number: int) -> None:
        if number > _EFFECTS:
            more = words.count(number - _EFFECTS, "more path")
            self._effects.append((Span(Safe("  │ "), "dim"), Span(safe(f"and {more}"), "dim")))

    def _make(self, width: int) -> list[Row]:
        name = Span(safe(f"{self.action} ") if self.action else Safe(""), "dim")
        status = words.status_span(self._status)
        room = max(10, width - len(name.text) - len(status.text) - 16)
        head = (Span(Safe("  ┌ "), "dim"), name, Span(title(self._title, most=room), "title"), Span(Safe("  ")), status)
        facts = [(*row[:1], Span(wrap(row[1].text, max(10, width - 4))[0], row[1].style)) for row in self._facts]
        return [(*head, *self._lines), *self._output(), *facts, *self._effects, (Span(Safe("  └"), "dim"),)]

    def _output(self) -> list[Row]:
        lines = self._tail.removesuffix("\n").split("\n") if self._tail else []
        bar = Span(Safe("  │ "), "dim")
        if len(lines) <= _OUTPUT_LINES:
            return [(bar, Span(safe(line), "code")) for line in lines]
        shown = lines[-_OUTPUT_LINES + 1 :]
        hidden = "earlier output" if self._output_cut else words.count(len(lines) - len(shown), "line") + " before"
        return [(bar, Span(safe(f"… {hidden} (o shows all)"), "dim")), *((bar, Span(safe(x), "code")) for x in shown)]
