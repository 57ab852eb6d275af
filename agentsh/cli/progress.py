"""A running session on stderr: what the model says, what it does, what that changed."""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING

from agentsh.cli.output import is_terminal, on_terminal, say, write_bytes
from agentsh.cli.paint import Page, Span, cells, show
from agentsh.cli.words import MARKS, count, limit_name, one_line, status_style
from agentsh.core.effect import EffectKind, Flag
from agentsh.core.flags import FLAG_REASONS
from agentsh.core.sanitise import visible, visible_line
from agentsh.runtime.events import (
    ActionFinished,
    ActionStarted,
    CandidatesRanked,
    EffectSummary,
    Event,
    MessageDone,
    Notice,
    OutputPiece,
    SessionEnded,
    SessionStarted,
    TextDelta,
)

if TYPE_CHECKING:
    from agentsh.cli.paint import Line

_MAX_OUTPUT_LINES = 6
_MAX_EFFECTS = 12


class Progress:
    """Tells a session's events to a person."""

    def __init__(self) -> None:
        self._open_line = False
        self._wrap = Wrap(shutil.get_terminal_size().columns) if is_terminal(sys.stderr) else None
        self._pending = ""
        self._lines = 0

    def __call__(self, event: Event) -> None:
        """Tell one event; the loop's ``OnEvent``."""
        match event:
            case SessionStarted():
                word = "resumed" if event.resumed else "started"
                self._line(
                    Span(event.session, "bold"),
                    Span(f" {word}: model {visible_line(event.model)}, policy {visible_line(event.policy)}", "dim"),
                )
            case CandidatesRanked():
                from agentsh.cli.candidates import one_line as candidates_line  # noqa: PLC0415 - few models have them

                self._line(Span(candidates_line(event), "dim"), clip=True)
            case TextDelta():
                self._text(event.text)
            case MessageDone():
                self._end_line()
            case ActionStarted():
                self._pending, self._lines = "", 0
                self._line(Span("> ", "bold cyan"), Span(one_line(event.title), "cyan"), clip=True)
            case OutputPiece():
                self._output(event.text)
            case ActionFinished():
                self._finished(event)
            case Notice():
                self._line(Span(f"notice: {visible_line(event.text)}", "yellow"))
            case SessionEnded():
                self._ended(event)

    def _line(self, *spans: Span, clip: bool = False) -> None:
        self._end_line()
        page = Page()
        page.add(*spans, clip=clip)
        show(page, stream=sys.stderr)

    def _end_line(self) -> None:
        if self._wrap is not None:
            write_bytes(self._wrap.rest().encode(), sys.stderr)
        if self._open_line:
            say()
            self._open_line = False

    def _text(self, piece: str) -> None:
        shown = visible(piece)
        if not shown:
            return
        self._open_line = not shown.endswith("\n")
        write_bytes((shown if self._wrap is None else self._wrap.feed(shown)).encode(), sys.stderr)

    def _output(self, piece: str) -> None:
        *whole, self._pending = (self._pending + piece).split("\n")
        for line in whole:
            self._output_line(line)

    def _output_line(self, line: str) -> None:
        self._lines += 1
        if self._lines <= _MAX_OUTPUT_LINES:
            shown = visible(line).expandtabs(8)
            self._line(Span(f"    {shown if len(shown) <= 200 else shown[:199] + '…'}", "dim"), clip=True)

    def _finished(self, event: ActionFinished) -> None:
        if self._pending:
            self._output_line(self._pending)
            self._pending = ""
        if self._lines > _MAX_OUTPUT_LINES:
            more = count(self._lines - _MAX_OUTPUT_LINES, "more line")
            self._line(Span(f"    and {more}: agentsh show {event.action} --output stdout", "dim"))
        head: Line = [Span("  "), Span(event.action or "-", "bold"), Span(" ")]
        head.append(Span(visible_line(event.status), status_style(event.status) or "red"))
        if event.exit_code:
            head.append(Span(f", exit code {event.exit_code}", "red"))
        if event.stopped:
            head.append(Span(f", stopped by the {limit_name(event.stopped)}", "red"))
        if event.status in ("denied", "refused"):
            rule = f" (rule {visible_line(event.rule)})" if event.rule else ""
            head.append(Span(f": {visible_line(event.reason)}{rule}"))
        elif event.note:
            head.append(Span(f": {visible_line(event.note)}", "dim"))
        head.append(Span(f"  {event.duration_s:.2f} s", "dim"))
        self._line(*head)
        for effect in event.effects[:_MAX_EFFECTS]:
            self._line(Span("    "), *_effect(effect))
        if len(event.effects) > _MAX_EFFECTS:
            self._line(Span(f"    and {count(len(event.effects) - _MAX_EFFECTS, 'more path')}", "dim"))
        for request in event.requests:
            name = visible_line(f"{request.method} {request.url}")
            self._line(Span("    → ", "bold yellow"), Span(name), Span(f"  {request.state}", "dim"))

    def _ended(self, event: SessionEnded) -> None:
        self._end_line()
        tokens = event.prompt_tokens + event.completion_tokens
        used = f", {tokens:,} tokens" if tokens else ""
        if event.cost is not None:
            used += f", ${event.cost:.4f}"
        self._line(
            Span(event.session, "bold"),
            Span(f" {event.status}", "green" if event.status == "done" else "red"),
            Span(f": {count(event.steps, 'step')}, {count(len(event.actions), 'action')}{used}", "dim"),
        )


class Wrap:
    """Breaks text that comes in pieces at a terminal's edge, between words.

    Args:
        columns: of the terminal.
    """

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._at = 0
        self._word = ""

    def feed(self, piece: str) -> str:
        """What can be shown now: the last word waits for its end."""
        out = []
        for part in re.split(r"([ \n])", piece):
            if part not in (" ", "\n"):
                self._word += part
                continue
            out.append(self._place())
            if part == "\n":
                out.append(part)
                self._at = 0
            elif self._at < self._columns:
                out.append(part)
                self._at += 1
        return "".join(out)

    def rest(self) -> str:
        """The word that was waited for; the next text starts a line."""
        last = self._place()
        self._at = 0
        return last

    def _place(self) -> str:
        word, self._word = self._word, ""
        width = cells(word)
        broken = self._at and self._at + width > self._columns
        self._at = width if broken else self._at + width
        return f"\n{word}" if broken else word


def _effect(effect: EffectSummary) -> Line:
    kind = EffectKind(effect.kind)
    line = [MARKS[kind], Span(f" {visible_line(effect.path)}")]
    if effect.added:
        line.append(Span(f" +{effect.added}", "green"))
    if effect.removed:
        line.append(Span(f" -{effect.removed}", "red"))
    if effect.flags:
        why = "; ".join(f"{f}: {FLAG_REASONS[Flag(f)]}" for f in effect.flags)
        line.append(Span(f"  ! {why}", "bold yellow"))
    return line


def final_text(text: str) -> None:
    """The model's last words on stdout, unless a person has just read them on this very screen."""
    if not text or (on_terminal() and sys.stderr.isatty()):
        return
    shown = visible(text) if on_terminal() else text
    write_bytes((shown.rstrip("\n") + "\n").encode("utf-8", "backslashreplace"))
