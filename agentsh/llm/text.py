"""What an endpoint says as text that can be kept and shown: whole characters, and never the key it was sent.

A hostile or careless endpoint echoes the key. Nothing that it says may carry the key into the journal, an event or an
error.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any

from agentsh.redact import RedactedStream

if TYPE_CHECKING:
    from agentsh.redact import Redactor


class TextStream:
    """Text that arrives in pieces, passed on as soon as it is certain to be clean.

    Args:
        redactor: takes the key out, also where it is split over pieces.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._stream = RedactedStream(redactor)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._half = ""

    def feed(self, piece: str) -> str:
        """What can be shown after ``piece``; may be empty."""
        text, self._half = self._half + piece, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]  # half of a surrogate pair: the other half comes with the next piece
        return self._decoder.decode(self._stream.feed(whole(text).encode()))

    def end(self) -> str:
        """What was held back, at the end of the stream."""
        rest = self._stream.feed(whole(self._half).encode()) + self._stream.end()
        self._half = ""
        return self._decoder.decode(rest, final=True)


def whole(text: str) -> str:
    """``text`` with surrogate pairs joined and lone surrogates replaced by U+FFFD, so that it can be encoded."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def whole_value(value: Any) -> Any:
    """A decoded JSON value with every string in it, keys included, as :func:`whole` makes it."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {whole(k): whole_value(v) for k, v in value.items()}
    if isinstance(value, list):
        return [whole_value(v) for v in value]
    return value
