"""From logits to a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentsh_models.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen, and when to stop.

    Attributes:
        temperature: 0 takes the likeliest.
        top_k: only the likeliest k; 0 for all.
        top_p: only the likeliest that together have this probability.
        min_p: only those with at least this share of the likeliest's probability.
        repetition_penalty: divides the logits of what was said before (multiplies negative ones); 1 for none.
        max_tokens: tokens at most.
        stop: texts that end the answer and are not part of it.
        seed: of the draw; the n-th answer of several draws from seed + n.
        logprobs: how many alternatives to tell with each token, 0 to 20.

    Raises:
        BadRequest: a value makes no sense.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    seed: int = 0
    logprobs: int = 0

    def __post_init__(self) -> None:
        checks = {
            "temperature must be from 0 to 10": 0 <= self.temperature <= 10,
            "top_k must not be negative": self.top_k >= 0,
            "top_p must be above 0 and at most 1": 0 < self.top_p <= 1,
            "min_p must be from 0 to 1": 0 <= self.min_p <= 1,
            "repetition_penalty must be above 0 and at most 10": 0 < self.repetition_penalty <= 10,
            "max_tokens must be at least 1": self.max_tokens >= 1,
            "stop must not hold an empty text": all(self.stop),
            "logprobs must be from 0 to 20": 0 <= self.logprobs <= 20,
        }
        for says, holds in checks.items():
            if not holds:
                raise BadRequest(f"{says}.")


def pick(logits_V: Tensor, sampling: Sampling, said: Sequence[int], draw: torch.Generator) -> int:
    """The next token; ``logits`` may have -inf where a token is forbidden."""
    import torch

    if sampling.repetition_penalty != 1 and said:
        index = torch.tensor(sorted(set(said)))
        old = logits_V[index]
        logits_V = logits_V.clone()
        logits_V[index] = torch.where(old > 0, old / sampling.repetition_penalty, old * sampling.repetition_penalty)
    if sampling.temperature == 0:
        return int(logits_V.argmax())
    scaled = logits_V / sampling.temperature
    many = min(sampling.top_k or len(scaled), len(scaled))
    kept, index = scaled.topk(many) if many < len(scaled) else scaled.sort(descending=True)
    odds = kept.softmax(-1)
    before = odds.cumsum(-1) - odds
    allowed = (before < sampling.top_p) & (odds >= sampling.min_p * odds[0])
    allowed[0] = True
    return int(index[torch.multinomial(odds * allowed, 1, generator=draw)])
