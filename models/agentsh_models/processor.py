"""What the processor does itself, and what is emulated."""

from __future__ import annotations

import torch


def has_bf16(device: str = "cpu") -> bool:
    """Whether products in bfloat16 are the device's own.

    Without AVX-512's or AMX's instructions PyTorch emulates them: measured on an AVX2 processor, five to eight times
    slower than float32 in a product of 300 rows, and 100 times in a step of training.
    """
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # PyTorch has no public word for it.
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001
