"""Keys and values of what was read so far: per block, the tokens that took part in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from agentsh_models.config import Config

_GROWTH = 256


class Cache:
    """One slot for each token that took part in a block, in the order of time, so the blocks' counts differ.

    Args:
        config: the model's.
        batch: rows.
        dtype: of keys and values.
        device: where they are.

    Attributes:
        length: (B,) tokens read; the next one's position.
        count: per block, (B,) slots in use.
    """

    def __init__(
        self, config: Config, batch: int = 1, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
    ) -> None:
        shape = (batch, config.n_kv_heads, 0, config.d_head)
        blocks = range(config.n_layers)
        self.length = torch.zeros(batch, dtype=torch.long, device=device)
        self.count = [torch.zeros(batch, dtype=torch.long, device=device) for _ in blocks]
        self._k = [torch.empty(shape, dtype=dtype, device=device) for _ in blocks]
        self._v = [torch.empty(shape, dtype=dtype, device=device) for _ in blocks]
        self._position = [torch.empty(batch, 0, dtype=torch.long, device=device) for _ in blocks]

    def append(
        self,
        block: int,
        k_BKnD: Tensor,
        v_BKnD: Tensor,
        position_Bn: Tensor,
        valid_Bn: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Keep the valid ones of ``n`` tokens.

        Returns:
            All keys, all values, and the mask (B, n, S): what each of the new tokens may look at.
        """
        before_B = self.count[block]
        slot_Bn = before_B.unsqueeze(1) + valid_Bn.cumsum(1) - 1
        after_B = before_B + valid_Bn.sum(1)
        used = int(after_B.max())
        self._reserve(block, used)
        row, column = valid_Bn.nonzero(as_tuple=True)
        at = slot_Bn[row, column]
        self._k[block][row, :, at] = k_BKnD[row, :, column].to(self._k[block].dtype)
        self._v[block][row, :, at] = v_BKnD[row, :, column].to(self._v[block].dtype)
        self._position[block][row, at] = position_Bn[row, column]
        self.count[block] = after_B
        slots = torch.arange(used, device=slot_Bn.device)
        mask = slots <= slot_Bn.clamp(min=0).unsqueeze(-1)  # a token of padding sees slot 0: its row must not be empty
        return self._k[block][:, :, :used], self._v[block][:, :, :used], mask

    def truncate(self, length: int) -> None:
        """Forget every token at position ``length`` and after it."""
        self.length.clamp_(max=length)
        for block, count in enumerate(self.count):
            position = self._position[block]
            used = torch.arange(position.shape[1], device=count.device) < count.unsqueeze(1)
            self.count[block] = ((position < length) & used).sum(1)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(t.nbytes for store in (self._k, self._v) for t in store)

    def _reserve(self, block: int, used: int) -> None:
        have = self._k[block].shape[2]
        if used <= have:
            return
        more = -(-max(used - have, have // 2) // _GROWTH) * _GROWTH
        for store in (self._k, self._v):
            old = store[block]
            store[block] = torch.cat((old, old.new_zeros(*old.shape[:2], more, old.shape[3])), dim=2)
        position = self._position[block]
        self._position[block] = torch.cat((position, position.new_zeros(position.shape[0], more)), dim=1)
