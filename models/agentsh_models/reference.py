"""The model as its architecture says, behind the same interface as the packed form: for a GPU, and to compare with."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch

from agentsh_models.loading import memory_guard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from agentsh_models.architecture import Model
    from agentsh_models.cache import Cache


class ReferenceState:
    """What was read of one sequence."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.length = 0

    def truncate(self, length: int) -> None:
        """Forget the tokens from position ``length`` on."""
        self.cache.truncate(length)
        self.length = min(self.length, length)

    def copy(self) -> ReferenceState:
        """Another with the same beginning."""
        other = ReferenceState(copy.deepcopy(self.cache))
        other.length = self.length
        return other

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.cache.nbytes


class ReferenceRunner:
    """Runs a :class:`Model`, one sequence after the other.

    Args:
        model: in any type, on any device.
    """

    def __init__(self, model: Model) -> None:
        self.model = model.eval()
        self.config = model.config

    def new_state(self) -> ReferenceState:
        """An empty sequence."""
        return ReferenceState(self.model.new_cache(1))

    def extend(self, pieces: Sequence[tuple[ReferenceState, Sequence[int]]]) -> Tensor:
        """Read a piece of each sequence; the logits (sequences, vocab) after each piece, in float32, on the CPU."""
        rows = []
        device = self.model.embed_tokens.weight.device
        with memory_guard(), torch.no_grad():
            for state, tokens in pieces:
                out = self.model(torch.tensor([list(tokens)], device=device), state.cache, last_only=True)
                state.length += len(tokens)
                rows.append(out.logits[0, -1].float().cpu())
        return torch.stack(rows)
