"""Matrices in four or eight bits, times a few rows or many.

Few rows (decoding) go through PyTorch's packed kernels, which read the small form. Many rows (a prompt) are cheaper as
a bfloat16 product, for which the matrix is widened on the way, where the processor has such products.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from agentsh_models.processor import has_bf16

if TYPE_CHECKING:
    from torch import Tensor

GROUP = 32
_NATIVE = has_bf16()
_FEW = 16 if _NATIVE else 1 << 30
_ROWS = 4096


class PackedLinear(ABC):
    """A matrix (out, in).

    Attributes:
        read_bytes: what one product with one row reads.
    """

    read_bytes: int

    @abstractmethod
    def few(self, x_MK: Tensor) -> Tensor:
        """The product with a few rows."""

    @abstractmethod
    def wide(self) -> Tensor:
        """The matrix in bfloat16."""

    def __call__(self, x_MK: Tensor) -> Tensor:
        """``x`` (M, in) in bfloat16 times the matrix: (M, out)."""
        return self.few(x_MK) if x_MK.shape[0] <= _FEW else F.linear(x_MK, self.wide())


class Int4Linear(PackedLinear):
    """Groups of 32 with a scale and a least value each, as in GGUF's Q4_1.

    Args:
        blocks: uint8 (out, in / 32 * 20), as in the file: a scale and a least value in float16, then 16 bytes;
            number i of a group is the low half of byte i, number i + 16 the high half. Kept as it is: it may be a
            mapped file.
    """

    def __init__(self, blocks: Tensor) -> None:
        self._blocks = blocks.view(blocks.shape[0], -1, 20)
        nibbles = self._blocks[..., 4:]
        whole = torch.empty(*nibbles.shape[:2], 2, 16, dtype=torch.int32)
        whole[:, :, 0] = nibbles & 15
        whole[:, :, 1] = nibbles >> 4
        self._packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(whole.flatten(1), 1)
        scale, least = self._scales()
        zero = least + 8 * scale  # the kernel takes (q - 8) * scale + zero
        self._scale_zero = torch.stack((scale.T, zero.T), dim=-1).bfloat16()
        self.read_bytes = self._packed.nbytes + self._scale_zero.nbytes

    @classmethod
    def from_float(cls, w: Tensor) -> Int4Linear:
        """Of any matrix whose rows are whole groups: each group's range in 15 steps."""
        groups = w.float().unflatten(-1, (-1, GROUP))
        least = groups.amin(-1, keepdim=True)
        scale = ((groups.amax(-1, keepdim=True) - least) / 15).clamp(min=1e-8)
        q = ((groups - least) / scale).round().clamp(0, 15).to(torch.uint8)
        halves = torch.cat((scale.half(), least.half()), dim=-1).view(torch.uint8)
        return cls(torch.cat((halves, q[..., :16] | (q[..., 16:] << 4)), dim=-1).flatten(1))

    def few(self, x_MK: Tensor) -> Tensor:
        """See :meth:`PackedLinear.few`."""
        y: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(x_MK, self._packed, GROUP, self._scale_zero)
        return y

    def wide(self) -> Tensor:
        """See :meth:`PackedLinear.wide`."""
        nibbles = self._blocks[..., 4:]
        q = torch.cat((nibbles & 15, nibbles >> 4), dim=-1).bfloat16()
        scale, least = (t.bfloat16().unsqueeze(-1) for t in self._scales())
        return torch.addcmul(least, q, scale).flatten(1)

    def _scales(self) -> tuple[Tensor, Tensor]:
        both = self._blocks[..., :4].contiguous().view(torch.float16).float()
        return both[..., 0], both[..., 1]


class Int8Linear(PackedLinear):
    """One scale a row, symmetric."""

    def __init__(self, w: Tensor) -> None:
        self._q = torch.empty(w.shape, dtype=torch.int8)
        self._scale = torch.empty(w.shape[0], dtype=torch.bfloat16)
        for at in range(0, w.shape[0], _ROWS):  # in pieces: a vocabulary in float32 is a hundred megabytes
            rows = w[at : at + _ROWS].float()
            scale = (rows.abs().amax(-1, keepdim=True).clamp(min=1e-8) / 127).bfloat16()
            self._q[at : at + _ROWS] = (rows / scale).round_().clamp_(-127, 127)
            self._scale[at : at + _ROWS] = scale.flatten()
        self.read_bytes = self._q.nbytes + self._scale.nbytes

    def few(self, x_MK: Tensor) -> Tensor:
        """See :meth:`PackedLinear.few`."""
        y: Tensor = torch.ops.aten._weight_int8pack_mm(x_MK, self._q, self._scale)
        return y

    def wide(self) -> Tensor:
        """See :meth:`PackedLinear.wide`."""
        return self._q.bfloat16() * self._scale.unsqueeze(-1)

    def rows(self, index: Tensor) -> Tensor:
        """Some of the rows, in float32: the matrix is an embedding too."""
        return self._q[index].float() * self._scale[index].unsqueeze(-1).float()


class WideLinear(PackedLinear):
    """bfloat16 as it is, for what is too small or too odd to pack; computed in float32 where bfloat16 is emulated."""

    def __init__(self, w: Tensor) -> None:
        self._w = w.bfloat16().contiguous()
        self._computed = self._w if _NATIVE else self._w.float()
        self.read_bytes = self._computed.nbytes

    def few(self, x_MK: Tensor) -> Tensor:
        """See :meth:`PackedLinear.few`."""
        return F.linear(x_MK.to(self._computed.dtype), self._computed).to(x_MK.dtype)

    def wide(self) -> Tensor:
        """See :meth:`PackedLinear.wide`."""
        return self._w
