"""The model: a Llama-style decoder whose blocks may take part of the tokens (Mixture-of-Depths) and whose FFNs may be
experts (Mixture-of-Experts). :mod:`agentsh_models.config` says what every knob means; dense is the special case.

Suffixes name shapes: B rows, T tokens, n tokens taken by a block, N = B * n, D width, E experts, k chosen of them.
"""  # noqa: D205 - two sentences that belong together

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from agentsh_models.cache import Cache
from agentsh_models.errors import BadRequest, PromptTooLong
from agentsh_models.kernels.attention import attend
from agentsh_models.kernels.depth import gather, pack, scatter_add, take_best, update_factor
from agentsh_models.kernels.experts import choose, expert_scores, mix_experts, swiglu, swiglu_deltas
from agentsh_models.kernels.qkv import norm_qkv_rope, rms_norm, rope_table

if TYPE_CHECKING:
    from torch import Tensor

    from agentsh_models.config import Config, MoE

Losses = dict[str, "Tensor"]


class Output(NamedTuple):
    """What a forward pass gives.

    Attributes:
        logits: (B, T, vocab), or (B, 1, vocab) of each row's last valid token.
        losses: auxiliary losses by name, each with its weight; add them to the cross-entropy.
        stats: detached numbers to log: ``depth.share.N`` (tokens that block N took), ``depth.accuracy.N`` (causal
            decisions that equal the top-k's), ``experts.load.N`` (E,) (share of the choices that each expert got).
    """

    logits: Tensor
    losses: Losses
    stats: Losses


class Attention(nn.Module):
    """Grouped-query attention; its parameters alone, the arithmetic is in the kernels."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.q_proj = nn.Linear(c.d_model, c.n_heads * c.d_head, bias=False)
        self.k_proj = nn.Linear(c.d_model, c.n_kv_heads * c.d_head, bias=False)
        self.v_proj = nn.Linear(c.d_model, c.n_kv_heads * c.d_head, bias=False)
        self.o_proj = nn.Linear(c.n_heads * c.d_head, c.d_model, bias=False)

    @property
    def qkv(self) -> tuple[Tensor, Tensor, Tensor]:
        """The three weights."""
        return self.q_proj.weight, self.k_proj.weight, self.v_proj.weight


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
        logits = F.linear(x_ND.float(), self.router.weight.float())
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


class DepthRouter(nn.Module):
    """Decides which tokens a block takes, and by how much its update counts."""

    threshold: Tensor

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.mod, self.eps = c.mod, c.norm_eps
        self.router = nn.Linear(c.d_model, 1, bias=False)
        self.register_buffer("threshold", torch.zeros(()))
        hidden = c.mod.predictor_hidden
        self.predictor = (
            nn.Sequential(nn.Linear(c.d_model, hidden), nn.SiLU(), nn.Linear(hidden, 1)) if hidden else None
        )

    def score(self, x_BTD: Tensor) -> Tensor:
        """The scalar r = w . x of each token, (B, T), in float32."""
        x = rms_norm(x_BTD, None, self.eps) if self.mod.normalise else x_BTD
        return F.linear(x.float(), self.router.weight.float()).squeeze(-1)

    def causal_score(self, x_BTD: Tensor, r_BT: Tensor, routing: str) -> Tensor:
        """Above 0 where a token is taken, decided from the token alone."""
        if routing == "predictor":
            if self.predictor is None:
                raise BadRequest("The model has no predictor to route by.")
            x = rms_norm(x_BTD, None, self.eps).detach()
            score: Tensor = self.predictor(x).squeeze(-1).float()
            return score
        return r_BT - self.threshold if routing == "threshold" else r_BT

    def decide(
        self,
        x_BTD: Tensor,
        step: _Step,
        name: str,
    ) -> tuple[Tensor, Tensor, int | None]:
        """Which tokens are taken (B, T), r (B, T), and how many of each row where that is known without looking.

        Args:
            x_BTD: tokens.
            step: of this forward pass; gets losses and statistics.
            name: the block's, in both.
        """
        m, valid_BT, many = self.mod, step.valid, None
        r = self.score(x_BTD)
        if not self.training and m.sample_routing != "topk":
            take = (self.causal_score(x_BTD, r, m.sample_routing) > 0) & valid_BT
        elif m.train_routing == "threshold" and self.training:
            take = (r > 0) & valid_BT
        elif step.cache is not None and bool(step.cache.length.any()):
            raise BadRequest(
                "Top-k routing sees the whole sequence: it cannot continue one. Sample by another routing."
            )
        else:
            take = take_best(r, valid_BT, m.capacity)
            many = max(1, round(valid_BT.shape[1] * m.capacity)) if step.whole else None
        step.stats[f"depth.share.{name}"] = (take.sum() / valid_BT.sum().clamp(min=1)).detach()
        if self.training:
            self._learn(x_BTD, r, take, step, name)
        return take, r, many

    def _learn(self, x: Tensor, r: Tensor, take: Tensor, step: _Step, name: str) -> None:
        m, valid, losses = self.mod, step.valid, step.losses
        label = take[valid].float()
        if m.capacity_weight:
            losses[f"capacity.{name}"] = m.capacity_weight * (r[valid].sigmoid().mean() - m.capacity).square()
        if m.train_routing == "topk" and m.aux_weight:
            losses[f"aux.{name}"] = m.aux_weight * F.binary_cross_entropy_with_logits(r[valid], label)
        guess = r
        if self.predictor is not None and m.predictor_weight:
            guess = self.causal_score(x, r, "predictor")
            losses[f"predictor.{name}"] = m.predictor_weight * F.binary_cross_entropy_with_logits(guess[valid], label)
        step.stats[f"depth.accuracy.{name}"] = ((guess[valid] > 0) == take[valid]).float().mean().detach()


class Block(nn.Module):
    """Attention and FFN, for all tokens or for those that its router takes."""

    def __init__(self, c: Config, index: int) -> None:
        super().__init__()
        self.index, self.eps, self.d_head = index, c.norm_eps, c.d_head
        self.input_layernorm = nn.RMSNorm(c.d_model, c.norm_eps)
        self.self_attn = Attention(c)
        self.post_attention_layernorm = nn.RMSNorm(c.d_model, c.norm_eps)
        routed = index in c.moe.blocks
        self.mlp = (ExpertFFN if c.moe.kind == "ffn" else DeltaFFN)(c) if routed else DenseFFN(c.d_model, c.d_ff)
        self.depth = DepthRouter(c) if index in c.mod.blocks else None

    def forward(self, x_BTD: Tensor, step: _Step) -> Tensor:
        """The residual stream after this block."""
        if self.depth is None:
            return x_BTD + self._update(x_BTD, step.position, step.valid, step, whole=step.whole)
        take, r, many = self.depth.decide(x_BTD, step, str(self.index))
        index, valid = pack(take, many)
        if not index.shape[1]:
            return x_BTD
        whole = many is not None
        update = self._update(gather(x_BTD, index), step.position.gather(1, index), valid, step, whole=whole)
        factor = update_factor(r.gather(1, index), self.depth.mod.gate)
        if factor is not None:
            update = update * factor.unsqueeze(-1)
        return scatter_add(x_BTD, index, (update if whole else update * valid.unsqueeze(-1)).to(x_BTD.dtype))

    def _update(
        self,
        x_BnD: Tensor,
        position_Bn: Tensor,
        valid_Bn: Tensor,
        step: _Step,
        *,
        whole: bool,
    ) -> Tensor:
        """What attention and FFN add to the taken tokens; ``whole`` says that none is padding."""
        cos, sin = step.cos[position_Bn], step.sin[position_Bn]
        q, k, v = norm_qkv_rope(
            x_BnD,
            self.input_layernorm.weight,
            self.self_attn.qkv,
            eps=self.eps,
            cos_BTd=cos,
            sin_BTd=sin,
            d_head=self.d_head,
        )
        mask = None
        if step.cache is not None:
            k, v, mask = step.cache.append(self.index, k, v, position_Bn, valid_Bn)
            k, v = k.to(q.dtype), v.to(q.dtype)
        elif not whole:
            ahead = torch.ones(valid_Bn.shape[1], valid_Bn.shape[1], dtype=torch.bool, device=x_BnD.device).tril()
            itself = torch.eye(valid_Bn.shape[1], dtype=torch.bool, device=x_BnD.device)
            mask = (ahead & valid_Bn.unsqueeze(1)) | itself  # padding sees itself: a row without keys gives NaN
        mixed = F.linear(attend(q, k, v, mask), self.self_attn.o_proj.weight)
        flat = rms_norm(x_BnD + mixed, self.post_attention_layernorm.weight, self.eps).flatten(0, 1)
        name = str(self.index)
        if whole:
            y = self.mlp(flat, step.losses, step.stats, name)
        else:  # padding must not count in the routers' losses
            kept = valid_Bn.flatten()
            y = self.mlp(flat[kept], step.losses, step.stats, name)
            y = y.new_zeros(flat.shape).index_put((kept,), y)
        update: Tensor = mixed + y.view_as(mixed)
        return update


class _Step(NamedTuple):
    """What the blocks of one forward pass share."""

    cache: Cache | None
    position: Tensor
    valid: Tensor
    whole: bool
    cos: Tensor
    sin: Tensor
    losses: Losses
    stats: Losses


class Model(nn.Module):
    """The decoder.

    Args:
        config: its shape. Weights are drawn at random until they are loaded.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.layers = nn.ModuleList(Block(config, i) for i in range(config.n_layers))
        self.norm = nn.RMSNorm(config.d_model, config.norm_eps)
        self.lm_head = None if config.tied else nn.Linear(config.d_model, config.vocab_size, bias=False)
        cos, sin = rope_table(config.context, config.d_head, config.rope_base, config.rope_factors)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Draw the weights anew: normal, less at the output of each residual branch and at the depth routers."""
        for name, p in self.named_parameters():
            if name.endswith(("norm.weight", "layernorm.weight")):
                p.fill_(1.0)
            elif name.endswith(("_b", ".bias")):
                p.zero_()
            elif name.endswith(("o_proj.weight", "down_proj.weight", "experts.down")):
                p.normal_(0.0, 0.02 / math.sqrt(2 * self.config.n_layers))
            elif name.endswith("depth.router.weight") and self.config.mod.gate != "raw":
                p.normal_(0.0, 0.001)
            else:
                p.normal_(0.0, 0.02)

    def new_cache(self, batch: int = 1) -> Cache:
        """An empty cache of this model's type and place."""
        weight = self.embed_tokens.weight
        return Cache(self.config, batch, dtype=weight.dtype, device=weight.device)

    def forward(
        self,
        tokens_BT: Tensor,
        cache: Cache | None = None,
        *,
        valid: Tensor | None = None,
        last_only: bool = False,
    ) -> Output:
        """Logits of the token after each token.

        Args:
            tokens_BT: int64.
            cache: what was read before; these tokens are added to it.
            valid: (B, T), False for padding, which may be on either side; None when there is none.
            last_only: logits of each row's last valid token alone.

        Raises:
            PromptTooLong: the context is full.
            BadRequest: top-k routing was asked to continue a sequence.
        """
        valid_BT = torch.ones_like(tokens_BT, dtype=torch.bool) if valid is None else valid
        start = 0 if cache is None else cache.length.unsqueeze(1)
        position = (start + valid_BT.cumsum(1) - 1).clamp(min=0)
        if tokens_BT.shape[1] and int(position.max()) >= self.config.context:
            raise PromptTooLong(f"{int(position.max()) + 1} tokens do not fit the context of {self.config.context}.")
        whole = valid is None or bool(valid.all())
        step = _Step(cache, position, valid_BT, whole, self.cos, self.sin, {}, {})
        x = self.embed_tokens(tokens_BT)
        for layer in self.layers:
            x = layer(x, step)
        if cache is not None:
            cache.length = cache.length + valid_BT.sum(1)
        if last_only:
            last = (valid_BT * torch.arange(1, valid_BT.shape[1] + 1, device=x.device)).argmax(1, keepdim=True)
            x = gather(x, last)
        x = rms_norm(x, self.norm.weight, self.config.norm_eps)
        head = self.embed_tokens.weight if self.lm_head is None else self.lm_head.weight
        return Output(F.linear(x, head), step.losses, step.stats)

    def after_step(self) -> None:
        """To be called after each optimiser step: moves the balance biases, where the config has them."""
        for layer in self.layers:
            if isinstance(layer.mlp, RoutedFFN):
                layer.mlp.after_step()

    def parameter_count(self) -> int:
        """Parameters, the embedding counted once."""
        return sum(p.numel() for p in self.parameters())
