"""From a dense model to experts and routed depth, without a change of what it says at first.

Experts: every FFN stays for all tokens, and low-rank experts beside it change its matrices by B A with B = 0: LoRA's
start (Hu et al. 2021) for the experts of sparse upcycling (Komatsuzaki et al. 2022). Depth: routed blocks multiply
their update by 1 + r with r = w . x and w = 0, and take every token until training lowers the capacity:
Mixture-of-Depths (Raposo et al. 2024), with a threshold in place of the predictor.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from agentsh_models.architecture import TAKES_ALL, DepthRouter
from agentsh_models.config import MoD, MoE
from agentsh_models.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh_models.architecture import Model
    from agentsh_models.config import Config
    from agentsh_models.loading import Loaded

CHEAP_BLOCKS = (4, 12, 13, 14)
"""Of SmolLM2-135M's blocks those whose loss costs least: 0.07 to 0.18 nats each; the outer ones cost 1.2 to 8.5."""


def upcycled_config(
    dense: Config,
    *,
    experts: int = 4,
    rank: int = 16,
    top_k: int = 2,
    depth_blocks: Sequence[int] = (),
    capacity: float = 0.5,
) -> Config:
    """The shape of the upcycled model.

    Args:
        dense: the parent's.
        experts: low-rank experts of each block; 0 for none.
        rank: theirs.
        top_k: experts that a token uses. With one alone, its normalised weight is 1 and its router learns nothing.
        depth_blocks: blocks that take part of the tokens.
        capacity: that part, at the end of training.

    Raises:
        BadRequest: the parent is not dense.
        BadWeights: the numbers do not fit together.
    """
    if dense.moe.blocks or dense.mod.blocks:
        raise BadRequest("The model has routers already.", next_step="Upcycle a dense one.")
    moe, mod = MoE(), MoD()
    if experts:
        blocks = tuple(range(dense.n_layers))
        moe = MoE(blocks=blocks, kind="delta", n_experts=experts, rank=rank, top_k=top_k, balance_weight=0.003)
    if depth_blocks:
        mod = MoD(
            blocks=tuple(sorted(depth_blocks)),
            capacity=capacity,
            gate="offset",
            normalise=True,
            sample_routing="threshold",
            aux_weight=0.0,
            predictor_hidden=0,
        )
    return replace(dense, moe=moe, mod=mod)


def upcycle(parent: Loaded, config: Config, *, seed: int = 0) -> Model:
    """A model of ``config`` that says what its parent says.

    Args:
        parent: dense.
        config: of :func:`upcycled_config`.
        seed: of the experts' A and of their routers.
    """
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    try:
        model = parent.build(config)
    finally:
        torch.random.set_rng_state(state)
    with torch.no_grad():
        for layer in model.layers:
            if isinstance(layer.depth, DepthRouter):
                layer.depth.router.weight.zero_()
                layer.depth.threshold.fill_(TAKES_ALL)
    return model
