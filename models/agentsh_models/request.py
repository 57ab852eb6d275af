"""What an answer is asked with and what it consists of, and what computes it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from agentsh_models.sampling import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from agentsh_models.config import Config
    from agentsh_models.errors import ModelFault


class SequenceState(Protocol):
    """What was read of a sequence."""

    length: int

    def truncate(self, length: int) -> None:
        """Forget the tokens from that position on."""

    def copy(self) -> Any:
        """Another with the same beginning."""

    @property
    def nbytes(self) -> int:
        """Bytes held."""


class Runner(Protocol):
    """What computes logits."""

    config: Config

    def new_state(self) -> Any:
        """An empty sequence."""

    def extend(self, pieces: Sequence[tuple[Any, Sequence[int]]]) -> Tensor:
        """Read a piece of each sequence: logits (sequences, vocab) in float32, on the CPU."""


class Token(NamedTuple):
    """One token of an answer.

    Attributes:
        id: the token's; -1 for text that was held back and is told at the end.
        text: what it adds to the answer's text: may be empty (half a character, a possible stop text, an end of turn).
        logprob: natural logarithm of its probability, before sampling and grammar; 0 for what the grammar forced.
        top: the likeliest tokens with their logprobs, when asked for.
    """

    id: int
    text: str
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass
class Generation:
    """A whole answer.

    Attributes:
        ids: its tokens, without the end of turn.
        text: its text.
        tokens: what was told of each token.
        finish: ``stop`` (it ended, or said a stop text) or ``length``.
    """

    ids: list[int] = field(default_factory=list)
    text: str = ""
    tokens: list[Token] = field(default_factory=list)
    finish: str = ""

    @property
    def score(self) -> float:
        """The mean logprob of its tokens: how sure the model was; 0 when it said nothing."""
        said = [t.logprob for t in self.tokens if t.id >= 0]
        return sum(said) / len(said) if said else 0.0


@dataclass
class Request:
    """What is asked for.

    Attributes:
        prompt: tokens; at least one.
        sampling: how to choose.
        n: answers.
        grammar: of :mod:`agentsh_models.constrain`; empty for none.
        stop: set by any thread to give up.
        on_token: gets each token as it comes, with the answer's number.
        on_end: gets each answer as it ends, with its number.
        on_fault: gets what went wrong, once; nothing comes after it.
        prefix: tokens of the prompt that were known from before; for information.
    """

    prompt: Sequence[int]
    sampling: Sampling = field(default_factory=Sampling)
    n: int = 1
    grammar: str = ""
    stop: threading.Event = field(default_factory=threading.Event)
    on_token: Callable[[int, Token], None] = lambda _n, _token: None
    on_end: Callable[[int, Generation], None] = lambda _n, _answer: None
    on_fault: Callable[[ModelFault], None] = lambda _fault: None
    prefix: int = 0
