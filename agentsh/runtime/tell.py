"""Turn what an action did into events."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Literal

from agentsh.core.sanitise import visible_path
from agentsh.runtime.events import EffectSummary, OnEvent, OutputPiece, RequestSummary

if TYPE_CHECKING:
    from agentsh.core.action import ActionRecord
    from agentsh.core.diff import FileDiff

_STREAMS: tuple[Literal["stdout", "stderr"], ...] = ("stdout", "stderr")


class OutputEvents:
    """Turns raw output into events, without tearing characters that come in two pieces."""

    def __init__(self, session: str, emit: OnEvent) -> None:
        self._session = session
        self._emit = emit
        make = codecs.getincrementaldecoder("utf-8")
        self._decoders = {"stdout": make("replace"), "stderr": make("replace")}

    def take(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        """Tell of a piece."""
        self._tell(stream, self._decoders[stream].decode(data))

    def end(self) -> None:
        """Tell of what an unfinished character left."""
        for stream in _STREAMS:
            self._tell(stream, self._decoders[stream].decode(b"", final=True))

    def _tell(self, stream: Literal["stdout", "stderr"], text: str) -> None:
        if text:
            self._emit(OutputPiece(self._session, stream=stream, text=text))


def effect_summaries(record: ActionRecord, diffs: list[FileDiff]) -> tuple[EffectSummary, ...]:
    """The effects of an action, with line counts where ``diffs`` has them."""
    counts = {d.path: (d.added, d.removed) for d in diffs}
    return tuple(
        EffectSummary(
            visible_path(e.path),
            e.kind.value,
            tuple(f.value for f in e.flags),
            added=counts[e.path][0] if e.path in counts else None,
            removed=counts[e.path][1] if e.path in counts else None,
            state=e.state.value,
        )
        for e in record.changes
    )


def request_summaries(record: ActionRecord) -> tuple[RequestSummary, ...]:
    """What an action wants to send."""
    return tuple(
        RequestSummary(r.id, r.method, r.url, r.size, r.effect_class.value, r.state.value)
        for r in record.changes.requests
    )
