"""Take the endpoint's own key out of whatever the endpoint says.

A hostile or careless endpoint echoes the key it was sent. Nothing that it says may carry the key into the journal, an
event or an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentsh.core.secret import Secret

_SHORTEST = 6  # a value shorter than this would blank out ordinary words


class Censor:
    """Replaces a secret's value by ``secret:NAME``.

    Args:
        secret: the secret; None replaces nothing.
    """

    def __init__(self, secret: Secret | None = None) -> None:
        self._secret = secret if secret is not None and len(secret.reveal()) >= _SHORTEST else None

    def text(self, text: str) -> str:
        """``text`` without the value."""
        return text if self._secret is None else text.replace(self._secret.reveal(), str(self._secret))

    def value(self, value: Any) -> Any:
        """A decoded JSON value with every string in it, keys included, whole and without the secret."""
        if isinstance(value, str):
            return self.text(whole(value))
        if isinstance(value, dict):
            return {self.text(whole(k)): self.value(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.value(v) for v in value]
        return value

    def held_back(self, text: str) -> int:
        """How many characters at the end of ``text`` could be the beginning of the value."""
        if self._secret is None:
            return 0
        value = self._secret.reveal()
        for n in range(min(len(value) - 1, len(text)), 0, -1):
            if text.endswith(value[:n]):
                return n
        return 0


class TextStream:
    """Text that arrives in pieces, passed on as soon as it is certain to be clean.

    Args:
        censor: takes the key out, also where it is split over pieces.
    """

    def __init__(self, censor: Censor) -> None:
        self._censor = censor
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be shown after ``piece``; may be empty."""
        text = self._censor.text(self._held + piece)
        hold = self._censor.held_back(text)
        if not hold and text and "\ud800" <= text[-1] <= "\udbff":
            hold = 1  # half of a surrogate pair: the other half comes in the next piece
        cut = len(text) - hold
        self._held = text[cut:]
        return whole(text[:cut])

    def end(self) -> str:
        """What was held back, at the end of the stream."""
        text, self._held = self._held, ""
        return whole(self._censor.text(text))


def whole(text: str) -> str:
    """``text`` with surrogate pairs joined and lone surrogates replaced by U+FFFD, so that it can be encoded."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
