"""What a session tells, in whole lines and words: nothing is taken back, nothing grows on the screen."""

from __future__ import annotations

from agentsh.cli.output import say
from agentsh.cli.sentences import VERBS
from agentsh.cli.words import count
from agentsh.core.effect import EffectKind, Flag
from agentsh.core.flags import FLAG_REASONS
from agentsh.core.sanitise import visible, visible_line, visible_title
from agentsh.runtime.events import (
    ActionFinished,
    ActionStarted,
    EffectSummary,
    Event,
    MessageDone,
    Notice,
    OutputPiece,
    SessionStarted,
)

_MOST_LINES = 20
_MOST_EFFECTS = 50


class Teller:
    """Tells a session's events; an ``OnEvent``."""

    def __init__(self) -> None:
        self._rest = ""
        self._lines = 0

    def __call__(self, event: Event) -> None:
        """Tell one event."""
        match event:
            case SessionStarted():
                word = "goes on" if event.resumed else "begins"
                say(f"Session {event.session} {word}, model {visible_line(event.model)}.")
            case MessageDone() if event.text:
                say("The model says:")
                say(visible(event.text).rstrip("\n"))
            case ActionStarted():
                self._rest, self._lines = "", 0
                say(f"The model runs: {visible_title(event.title)}")
            case OutputPiece():
                self._output(event.text)
            case ActionFinished():
                self._finished(event)
            case Notice():
                say(f"Notice: {visible_line(event.text)}")
            case _:
                return

    def _output(self, piece: str) -> None:
        *whole, self._rest = (self._rest + piece).split("\n")
        for line in whole:
            self._output_line(line)

    def _output_line(self, line: str) -> None:
        self._lines += 1
        if self._lines <= _MOST_LINES:
            say(f"Output: {visible(line)[:2_000]}")

    def _finished(self, event: ActionFinished) -> None:
        if self._rest:
            self._output_line(self._rest)
            self._rest = ""
        if self._lines > _MOST_LINES:
            say(f"And {count(self._lines - _MOST_LINES, 'more line')} of output: output {event.action}")
        ended = f", exit code {event.exit_code}" if event.exit_code else ""
        say(f"Action {event.action or 'none'}, {visible_line(event.status)}{ended}.")
        if event.verdict in ("ask", "deny") and event.reason:
            word = "asks" if event.verdict == "ask" else "denies it"
            say(f"The policy {word} because: {visible_line(event.reason)}")
        for effect in event.effects[:_MOST_EFFECTS]:
            say(_effect(effect))
        if len(event.effects) > _MOST_EFFECTS:
            say(f"And {count(len(event.effects) - _MOST_EFFECTS, 'more path')}: list")
        for request in event.requests:
            name = visible_line(f"{request.method} {request.url}")
            say(f"Request {request.id}, {request.state}: it would send {name}")


def _effect(effect: EffectSummary) -> str:
    parts = [f"{VERBS[EffectKind(effect.kind)].capitalize()} {visible_line(effect.path)}"]
    parts += [f"{count(effect.added, 'line')} added"] if effect.added else []
    parts += [f"{count(effect.removed, 'line')} removed"] if effect.removed else []
    why = "; ".join(FLAG_REASONS[Flag(f)] for f in effect.flags)
    return ", ".join(parts) + (f". Look twice: {why}" if why else "")
