"""RMSNorm, the three projections, and the rotation of queries and keys by position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor


def rms_norm(x: Tensor, weight: Tensor | None, eps: float) -> Tensor:
    """``x`` over its root mean square, times ``weight``; computed in float32, given back in ``x``'s type."""
    wide = x.float()
    wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
    return wide.to(x.dtype) if weight is None else (wide * weight.float()).to(x.dtype)


def rope_table(context: int, d_head: int, base: float, factors: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Cosine and sine (context, d_head / 2) of each position's angles."""
    frequency = base ** (-torch.arange(0, d_head, 2, dtype=torch.float64) / d_head)
    if factors:
        frequency = frequency / torch.tensor(factors, dtype=torch.float64)
    angle = torch.outer(torch.arange(context, dtype=torch.float64), frequency)
    return angle.cos().float(), angle.sin().float()


def rotate(x_BHTD: Tensor, cos_BTd: Tensor, sin_BTd: Tensor) -> Tensor:
    """Rotate each pair (i, i + D / 2) of a head by its position's angle."""
    cos, sin = cos_BTd.unsqueeze(1), sin_BTd.unsqueeze(1)
    low, high = x_BHTD.float().chunk(2, dim=-1)
    return torch.cat((low * cos - high * sin, high * cos + low * sin), dim=-1).to(x_BHTD.dtype)


def norm_qkv_rope(
    x_BTD: Tensor,
    norm: Tensor,
    weights: tuple[Tensor, Tensor, Tensor],
    *,
    eps: float,
    cos_BTd: Tensor,
    sin_BTd: Tensor,
    d_head: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values (B, heads, T, d_head), the first two rotated."""
    h = rms_norm(x_BTD, norm, eps)
    q, k, v = (F.linear(h, w).unflatten(-1, (-1, d_head)).transpose(1, 2) for w in weights)
    return rotate(q, cos_BTd, sin_BTd), rotate(k, cos_BTd, sin_BTd), v
