"""The FFN of a block: dense, experts in its place, or low-rank experts beside it.

Suffixes name shapes: N tokens, D width, E experts, k chosen of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from agentsh_models.kernels.experts import choose, expert_scores, mix_experts, swiglu, swiglu_deltas

if TYPE_CHECKING:
    from torch import Tensor

    from agentsh_models.config import Config, MoE

Losses = dict[str, "Tensor"]


def exact_linear(x: Tensor, weight: Tensor) -> Tensor:
    """``weight x`` in float32, also where autocast would round it: near ties must fall as they will at decoding."""
    with torch.autocast(x.device.type, enabled=False):
        return F.linear(x.float(), weight.float())


class Projections(nn.Module):
    """The three matrices of a SwiGLU."""

    def make_projections(self, d_model: int, d_ff: int) -> None:
        """Add them; a class that also is something else calls this in its own time."""
        self.gate_proj = nn.Linear(d_model, d_ff, bias=False)
        self.up_proj = nn.Linear(d_model, d_ff, bias=False)
        self.down_proj = nn.Linear(d_ff, d_model, bias=False)

    @property
    def weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Gate, up, down."""
        return self.gate_proj.weight, self.up_proj.weight, self.down_proj.weight


class DenseFFN(Projections):
    """SwiGLU."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.make_projections(d_model, d_ff)

    def forward(self, x_ND: Tensor, losses: Losses, stats: Losses, name: str) -> Tensor:
        """The update of each token."""
        del losses, stats, name
        return swiglu(x_ND, *self.weights)


class RoutedFFN(nn.Module):
    """What experts of both kinds share: the router, the balance of load."""

    load: Tensor
    bias: Tensor

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.moe = c.moe
        n = c.moe.n_fine + c.moe.n_noop
        self.router = nn.Linear(c.d_model, n, bias=False)
        self.register_buffer("bias", torch.zeros(n))
        self.register_buffer("load", torch.zeros(n), persistent=False)

    def route(self, x_ND: Tensor, losses: Losses, stats: Losses, name: str) -> tuple[Tensor, Tensor]:
        """The experts of each token and their weights, (N, k) both."""
        m = self.moe
        logits = exact_linear(x_ND, self.router.weight)
        score = expert_scores(logits, m.score)
        chosen, weight = choose(score, self.bias if m.balance == "bias" else None, m.k_fine, normalise=m.normalise)
        share = torch.zeros_like(score).scatter_(1, chosen, 1.0).mean(0) / m.k_fine
        stats[f"experts.load.{name}"] = share.detach()
        if self.training:
            if m.balance == "bias":
                with torch.no_grad():
                    self.load += share
            if m.balance == "loss" and m.balance_weight:
                odds = score / score.sum(-1, keepdim=True)
                losses[f"balance.{name}"] = m.balance_weight * len(share) * (share.detach() * odds.mean(0)).sum()
            if m.z_weight:
                losses[f"z.{name}"] = m.z_weight * logits.logsumexp(-1).square().mean()
        return chosen, weight * m.scale

    @torch.no_grad()
    def after_step(self) -> None:
        """Move the bias of the choice towards experts that got less than their share."""
        if self.moe.balance == "bias" and bool(self.load.any()):
            self.bias += self.moe.bias_rate * torch.sign(self.load.mean() - self.load)
            self.load.zero_()


class ExpertWeights(nn.Module):
    """The matrices of ``n`` FFNs of width ``f``."""

    def __init__(self, n: int, d_model: int, f: int) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.empty(n, f, d_model))
        self.up = nn.Parameter(torch.empty(n, f, d_model))
        self.down = nn.Parameter(torch.empty(n, d_model, f))

    @property
    def weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Gate, up, down."""
        return self.gate, self.up, self.down


class ExpertFFN(RoutedFFN):
    """Fine-grained experts, shared ones, no-op ones."""

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        f = c.d_ff // c.moe.granularity
        self.experts = ExpertWeights(c.moe.n_fine, c.d_model, f)
        self.shared = DenseFFN(c.d_model, f * c.moe.n_shared) if c.moe.n_shared else None

    def forward(self, x_ND: Tensor, losses: Losses, stats: Losses, name: str) -> Tensor:
        """The update of each token."""
        m = self.moe
        chosen, weight = self.route(x_ND, losses, stats, name)
        most = None
        if self.training and m.capacity_factor:
            most = math.ceil(m.capacity_factor * x_ND.shape[0] * m.k_fine / (m.n_fine + m.n_noop))
        y = mix_experts(x_ND, self.experts.weights, chosen, weight, most)
        return y if self.shared is None else y + swiglu(x_ND, *self.shared.weights)


class DeltaWeights(nn.Module):
    """Low-rank changes B A of an FFN's matrices; B is zero at first, so they change nothing."""

    def __init__(self, m: MoE, d_model: int, d_ff: int) -> None:
        super().__init__()
        e, r = m.n_experts, m.rank
        self.gate_a, self.gate_b = (nn.Parameter(torch.zeros(s)) for s in ((e, r, d_model), (e, d_ff, r)))
        self.up_a, self.up_b = (nn.Parameter(torch.zeros(s)) for s in ((e, r, d_model), (e, d_ff, r)))
        self.down_a, self.down_b = (nn.Parameter(torch.zeros(s)) for s in ((e, r, d_ff), (e, d_model, r)))

    @property
    def pairs(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """A and B of gate, up, down."""
        return (self.gate_a, self.gate_b), (self.up_a, self.up_b), (self.down_a, self.down_b)


class DeltaFFN(RoutedFFN, Projections):
    """A dense FFN for every token, and low-rank experts that change it."""

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.make_projections(c.d_model, c.d_ff)
        self.deltas = DeltaWeights(c.moe, c.d_model, c.d_ff)

    def forward(self, x_ND: Tensor, losses: Losses, stats: Losses, name: str) -> Tensor:
        """The update of each token."""
        chosen, weight = self.route(x_ND, losses, stats, name)
        spread = weight.new_zeros(x_ND.shape[0], self.moe.n_experts + self.moe.n_noop).scatter(1, chosen, weight)
        return swiglu_deltas(x_ND, self.weights, self.deltas.pairs, spread[:, : self.moe.n_experts])
