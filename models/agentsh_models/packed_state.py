"""What the packed model keeps of a sequence between steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from agentsh_models.config import Config

_FIRST_SLOTS = 512


class State:
    """What was read of one sequence: keys and values, rotated, of the tokens that took part in each block.

    Attributes:
        length: tokens read.
        count: per block, slots in use.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self.length = 0
        self.count = [0] * config.n_layers
        self.positions: dict[int, list[int]] = {b: [] for b in config.mod.blocks}
        self.kv = self._room(0)

    def _room(self, slots: int) -> Tensor:
        c = self._config
        return torch.empty(c.n_layers, 2, c.n_kv_heads, slots, c.d_head, dtype=torch.bfloat16)

    def reserve(self, more: int) -> None:
        """Make room for ``more`` tokens in every block."""
        need, have = self.length + more, self.kv.shape[3]
        if need > have:
            wider = self._room(max(need, 2 * have, _FIRST_SLOTS))
            wider[:, :, :, : self.length] = self.kv[:, :, :, : self.length]
            self.kv = wider

    def truncate(self, length: int) -> None:
        """Forget the tokens from position ``length`` on."""
        if length >= self.length:
            return
        for block in range(len(self.count)):
            if block in self.positions:
                kept = [p for p in self.positions[block] if p < length]
                self.positions[block], self.count[block] = kept, len(kept)
            else:
                self.count[block] = length
        self.length = length

    def copy(self) -> State:
        """Another sequence with the same beginning."""
        other = State(self._config)
        other.length, other.count = self.length, list(self.count)
        other.positions = {b: list(p) for b, p in self.positions.items()}
        other.kv = self.kv[:, :, :, : self.length].clone()
        return other

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.kv.nbytes
