"""Attention of grouped queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor


def attend(q_BHTD: Tensor, k_BKSD: Tensor, v_BKSD: Tensor, mask_BTS: Tensor | None) -> Tensor:
    """What each query gathers, (B, T, H * D).

    Args:
        q_BHTD: queries; H is a multiple of K.
        k_BKSD: keys.
        v_BKSD: values.
        mask_BTS: True where a query may look; None for causal, with T == S.
    """
    mask = None if mask_BTS is None else mask_BTS.unsqueeze(1)
    grouped = q_BHTD.shape[1] != k_BKSD.shape[1]
    if grouped and mask is not None and q_BHTD.is_cuda:
        # Of PyTorch's kernels for a GPU none takes both groups and a mask without writing all scores to memory.
        times = q_BHTD.shape[1] // k_BKSD.shape[1]
        k_BKSD, v_BKSD = k_BKSD.repeat_interleave(times, 1), v_BKSD.repeat_interleave(times, 1)
        grouped = False
    y = F.scaled_dot_product_attention(q_BHTD, k_BKSD, v_BKSD, mask, is_causal=mask is None, enable_gqa=grouped)
    return y.transpose(1, 2).flatten(2)
