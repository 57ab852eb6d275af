"""Feed-forward networks: one for all tokens, a few of many, and low-rank changes of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor

Deltas = tuple[tuple["Tensor", "Tensor"], tuple["Tensor", "Tensor"], tuple["Tensor", "Tensor"]]
"""For gate, up and down: A (E, r, in) and B (E, out, r)."""


def swiglu(x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """down(silu(gate x) * up x)."""
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


def expert_scores(logits: Tensor, kind: str) -> Tensor:
    """What a router's logits are worth: ``softmax`` over the experts, or ``sigmoid`` of each."""
    return logits.softmax(-1) if kind == "softmax" else logits.sigmoid()


def choose(
    score_NE: Tensor,
    bias_E: Tensor | None,
    k: int,
    *,
    normalise: bool,
) -> tuple[Tensor, Tensor]:
    """The ``k`` best experts of each token and their weights, (N, k) both; the bias moves the choice alone."""
    chosen = (score_NE if bias_E is None else score_NE + bias_E).topk(k, dim=-1).indices
    weight = score_NE.gather(1, chosen)
    return chosen, weight / weight.sum(-1, keepdim=True).clamp(min=1e-9) if normalise else weight


def mix_experts(
    x_ND: Tensor,
    weights: tuple[Tensor, Tensor, Tensor],
    chosen_Nk: Tensor,
    weight_Nk: Tensor,
    most: int | None = None,
) -> Tensor:
    """The weighted sum of each token's experts; an index past the last expert is a no-op.

    Args:
        x_ND: tokens.
        weights: gate (E, f, D), up (E, f, D), down (E, D, f).
        chosen_Nk: the experts of each token.
        weight_Nk: their weights.
        most: how many tokens an expert takes; the lightest are dropped. None for all.
    """
    gate, up, down = weights
    y = torch.zeros_like(x_ND)
    for e in chosen_Nk.unique().tolist():
        if e >= gate.shape[0]:
            continue
        row, slot = (chosen_Nk == e).nonzero(as_tuple=True)
        if most is not None and row.numel() > most:
            kept = weight_Nk[row, slot].topk(most).indices
            row, slot = row[kept], slot[kept]
        out = swiglu(x_ND[row], gate[e], up[e], down[e]) * weight_Nk[row, slot].unsqueeze(-1).to(x_ND.dtype)
        y = y.index_add(0, row, out.to(y.dtype))
    return y


def add_low_rank(y: Tensor, x: Tensor, pair: tuple[Tensor, Tensor], weight_NE: Tensor) -> Tensor:
    """``y`` plus the sum over experts of weight * B A x.

    Args:
        y: (N, out).
        x: (N, in).
        pair: A (E, r, in) and B (E, out, r).
        weight_NE: 0 for experts not chosen.
    """
    a_ErI, b_EOr = pair
    low = F.linear(x, a_ErI.flatten(0, 1)).unflatten(-1, a_ErI.shape[:2])
    low = (low * weight_NE.unsqueeze(-1).to(x.dtype)).flatten(1)
    return y + F.linear(low, b_EOr.transpose(0, 1).flatten(1))


def swiglu_deltas(
    x_ND: Tensor,
    dense: tuple[Tensor, Tensor, Tensor],
    deltas: Deltas,
    weight_NE: Tensor,
) -> Tensor:
    """The FFN whose matrices are W + sum over experts of weight * B A; ``weight`` is 0 for experts not chosen."""

    def changed(x: Tensor, w: Tensor, pair: tuple[Tensor, Tensor]) -> Tensor:
        return add_low_rank(F.linear(x, w), x, pair, weight_NE)

    gate, up, down = deltas
    h = F.silu(changed(x_ND, dense[0], gate)) * changed(x_ND, dense[1], up)
    return changed(h, dense[2], down)
