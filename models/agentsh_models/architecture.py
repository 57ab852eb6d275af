"""The model: a Llama-style decoder whose blocks may take part of the tokens (Mixture-of-Depths) and whose FFNs may be
experts (Mixture-of-Experts). :mod:`agentsh_models.config` says what every knob means; dense is the special case.

Suffixes name shapes: B rows, T tokens, n tokens taken by a block, N = B * n, D width, E experts, k chosen of them.
"""  # noqa: D205 - two sentences that belong together

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from agentsh_models.cache import Cache
from agentsh_models.errors import BadRequest, PromptTooLong
from agentsh_models.feed_forward import DeltaFFN, DenseFFN, ExpertFFN, Losses, RoutedFFN, exact_linear
from agentsh_models.kernels.attention import attend
from agentsh_models.kernels.depth import gather, pack, scatter_add, take_best, update_factor
from agentsh_models.kernels.qkv import norm_qkv_rope, rms_norm, rope_table

if TYPE_CHECKING:
    from torch import Tensor

    from agentsh_models.config import Config


TAKES_ALL = -1e4
"""A threshold that every token exceeds."""
_CUT_RATE = 0.05


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


class DepthRouter(nn.Module):
    """Decides which tokens a block takes, and by how much its update counts.

    Attributes:
        mod: its knobs; :meth:`Model.set_capacity` changes the capacity while training.
        threshold: what r must exceed where ``sample_routing`` is ``threshold``; follows the top-k's cut in training.
    """

    threshold: Tensor

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.mod, self.eps = c.mod, c.norm_eps
        self._cut: Tensor | None = None
        self.router = nn.Linear(c.d_model, 1, bias=False)
        self.register_buffer("threshold", torch.zeros(()))
        hidden = c.mod.predictor_hidden
        self.predictor = (
            nn.Sequential(nn.Linear(c.d_model, hidden), nn.SiLU(), nn.Linear(hidden, 1)) if hidden else None
        )

    def score(self, x_BTD: Tensor) -> Tensor:
        """The scalar r = w . x of each token, (B, T), in float32."""
        x = rms_norm(x_BTD, None, self.eps) if self.mod.normalise else x_BTD
        return exact_linear(x, self.router.weight).squeeze(-1)

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
        if m.train_routing == "topk" and m.sample_routing == "threshold" and m.capacity < 1:
            self._cut = torch.quantile(r[valid].detach(), 1 - m.capacity)
        if m.capacity_weight:
            losses[f"capacity.{name}"] = m.capacity_weight * (r[valid].sigmoid().mean() - m.capacity).square()
        if m.train_routing == "topk" and m.aux_weight:
            losses[f"aux.{name}"] = m.aux_weight * F.binary_cross_entropy_with_logits(r[valid], label)
        guess = r
        if self.predictor is not None and m.predictor_weight:
            guess = self.causal_score(x, r, "predictor")
            losses[f"predictor.{name}"] = m.predictor_weight * F.binary_cross_entropy_with_logits(guess[valid], label)
        step.stats[f"depth.accuracy.{name}"] = ((guess[valid] > 0) == take[valid]).float().mean().detach()

    @torch.no_grad()
    def after_step(self) -> None:
        """Move the threshold towards the last top-k's cut: from the first one on, and then as a running mean."""
        if self._cut is not None:
            first = self.threshold <= TAKES_ALL
            self.threshold.copy_(torch.where(first, self._cut, self.threshold.lerp(self._cut, _CUT_RATE)))
            self._cut = None


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
            return x_BTD + self._update(x_BTD, step.position, step.valid, step.segment, step, whole=step.whole)
        take, r, many = self.depth.decide(x_BTD, step, str(self.index))
        index, valid = pack(take, many)
        if not index.shape[1]:
            return x_BTD
        whole = many is not None
        segment = None if step.segment is None else step.segment.gather(1, index)
        position = step.position.gather(1, index)
        update = self._update(gather(x_BTD, index), position, valid, segment, step, whole=whole)
        factor = update_factor(r.gather(1, index), self.depth.mod.gate)
        if factor is not None:
            update = update * factor.unsqueeze(-1)
        return scatter_add(x_BTD, index, (update if whole else update * valid.unsqueeze(-1)).to(x_BTD.dtype))

    def _update(
        self,
        x_BnD: Tensor,
        position_Bn: Tensor,
        valid_Bn: Tensor,
        segment_Bn: Tensor | None,
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
        elif not whole or segment_Bn is not None:
            mask = torch.ones(valid_Bn.shape[1], valid_Bn.shape[1], dtype=torch.bool, device=x_BnD.device).tril()
            if segment_Bn is not None:
                mask = mask & (segment_Bn.unsqueeze(1) == segment_Bn.unsqueeze(2))
            itself = torch.eye(valid_Bn.shape[1], dtype=torch.bool, device=x_BnD.device)
            mask = (mask & valid_Bn.unsqueeze(1)) | itself  # padding sees itself: a row without keys gives NaN
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
    segment: Tensor | None
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
        segment: Tensor | None = None,
        last_only: bool = False,
    ) -> Output:
        """Logits of the token after each token.

        Args:
            tokens_BT: int64.
            cache: what was read before; these tokens are added to it.
            valid: (B, T), False for padding, which may be on either side; None when there is none.
            segment: (B, T), the number of each token's document where several share a row: they do not see each other.
                Not together with a cache.
            last_only: logits of each row's last valid token alone.

        Raises:
            PromptTooLong: the context is full.
            BadRequest: top-k routing was asked to continue a sequence.
        """
        x, losses, stats = self.features(tokens_BT, cache, valid=valid, segment=segment)
        if last_only:
            seen = torch.ones_like(tokens_BT, dtype=torch.bool) if valid is None else valid
            x = gather(x, (seen * torch.arange(1, seen.shape[1] + 1, device=x.device)).argmax(1, keepdim=True))
        return Output(self.head(x), losses, stats)

    def head(self, x: Tensor) -> Tensor:
        """Logits of the residual stream's last state, for tokens in any shape (..., D)."""
        x = rms_norm(x, self.norm.weight, self.config.norm_eps)
        return F.linear(x, self.embed_tokens.weight if self.lm_head is None else self.lm_head.weight)

    def features(
        self,
        tokens_BT: Tensor,
        cache: Cache | None = None,
        *,
        valid: Tensor | None = None,
        segment: Tensor | None = None,
    ) -> tuple[Tensor, Losses, Losses]:
        """The residual stream after the last block (B, T, D), losses and statistics; see :meth:`forward`.

        The head is apart because training needs it for few of the tokens, and it is a fifth of the work.

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
        step = _Step(cache, position, valid_BT, segment, whole, self.cos, self.sin, {}, {})
        x = self.embed_tokens(tokens_BT)
        for layer in self.layers:
            x = layer(x, step)
        if cache is not None:
            cache.length = cache.length + valid_BT.sum(1)
        return x, step.losses, step.stats

    def after_step(self) -> None:
        """To be called after each optimiser step: moves balance biases and depth thresholds, where there are any."""
        for layer in self.layers:
            if isinstance(layer.mlp, RoutedFFN):
                layer.mlp.after_step()
            if isinstance(layer.depth, DepthRouter):
                layer.depth.after_step()

    def set_capacity(self, capacity: float) -> None:
        """From now on routed blocks take this share of the tokens in training; the config keeps its own."""
        for layer in self.layers:
            if isinstance(layer.depth, DepthRouter):
                layer.depth.mod = replace(layer.depth.mod, capacity=capacity)

    def parameter_count(self) -> int:
        """Parameters, the embedding counted once."""
        return sum(p.numel() for p in self.parameters())
