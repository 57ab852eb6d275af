"""Which tokens a block takes, and moving them out of the sequence and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def take_best(score_BT: Tensor, valid_BT: Tensor, capacity: float) -> Tensor:
    """True for the best ``capacity`` of each row's valid tokens (at least one of a row that has any)."""
    many_B1 = valid_BT.sum(1, keepdim=True)
    take_B1 = (many_B1.double() * capacity).round().clamp(min=1).minimum(many_B1)
    order = score_BT.masked_fill(~valid_BT, -torch.inf).argsort(dim=1, descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(
        1, order, torch.arange(order.shape[1], device=order.device).expand_as(order)
    )
    return (rank < take_B1) & valid_BT


def update_factor(r: Tensor, kind: str) -> Tensor | None:
    """What an update is multiplied by, from its router's score; None for 1.

    Args:
        r: scores.
        kind: ``raw``, ``offset``, ``sigmoid`` or ``none``, see :class:`agentsh_models.config.MoD`.
    """
    match kind:
        case "raw":
            return r
        case "offset":
            return 1 + r
        case "sigmoid":
            return 2 * r.sigmoid()
        case _:
            return None


def pack(take_BT: Tensor, many: int | None = None) -> tuple[Tensor, Tensor]:
    """Where the taken tokens are, in order, padded to the longest row.

    Args:
        take_BT: True for taken tokens.
        many: how many each row has, where that is known: counting them would make a GPU wait.

    Returns:
        index (B, n) into the sequence, and True (B, n) where it is a taken token, not padding.
    """
    many_B = take_BT.sum(1)
    n = int(many_B.max()) if many is None else many
    index = (~take_BT).to(torch.uint8).argsort(dim=1, stable=True)[:, :n]
    return index, torch.arange(n, device=take_BT.device) < many_B.unsqueeze(1)


def gather(x_BTD: Tensor, index_Bn: Tensor) -> Tensor:
    """The tokens at ``index``, (B, n, D)."""
    return x_BTD.gather(1, index_Bn.unsqueeze(-1).expand(-1, -1, x_BTD.shape[-1]))


def scatter_add(x_BTD: Tensor, index_Bn: Tensor, update_BnD: Tensor) -> Tensor:
    """``x`` with the updates added at ``index``; updates of padding must be zero."""
    return x_BTD.scatter_add(1, index_Bn.unsqueeze(-1).expand_as(update_BnD), update_BnD)
