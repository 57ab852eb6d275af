"""The model for a CPU: packed matrices, fused groups, and nothing read that is not used.

The same function as :class:`agentsh_models.architecture.Model` in eval mode, for several sequences at once whose pieces
may have any length. Rows N are the tokens of all of them, one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch.nn import functional as F

from agentsh_models.errors import BadRequest, PromptTooLong
from agentsh_models.kernels.depth import update_factor
from agentsh_models.kernels.experts import add_low_rank, choose, expert_scores
from agentsh_models.kernels.packed import GROUP, Int4Linear, Int8Linear, PackedLinear, WideLinear
from agentsh_models.kernels.qkv import rope_table
from agentsh_models.loading import memory_guard
from agentsh_models.packed_state import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from agentsh_models.config import Config
    from agentsh_models.loading import Loaded
    from agentsh_models.weights import Weights

Precision = Literal["auto", "int4", "int8", "wide"]


class PackedModel:
    """A model's weights in the form that a CPU reads fastest.

    Args:
        loaded: the model.
        precision: of the big matrices: ``auto`` keeps what is stored as Q4_1 in four bits and takes eight for the rest;
            ``int4`` and ``int8`` force one; ``wide`` keeps bfloat16, to compare with.

    Raises:
        BadRequest: its routing is not causal.
        OutOfMemory: it does not fit.
    """

    def __init__(self, loaded: Loaded, precision: Precision = "auto") -> None:
        c = self.config = loaded.config
        if c.mod.blocks and c.mod.sample_routing == "topk":
            raise BadRequest("The model routes by top-k, which sees the whole sequence: it cannot answer with it.")
        with memory_guard(), torch.inference_mode():
            pack = _Packer(loaded.source, precision)
            self._embedding = Int8Linear(loaded.source.tensor("embed_tokens.weight"))
            self._head: PackedLinear = self._embedding if c.tied else Int8Linear(loaded.source.tensor("lm_head.weight"))
            self._norm = loaded.source.tensor("norm.weight")
            self._blocks = [_Block(c, pack, n) for n in range(c.n_layers)]
            cos, sin = rope_table(c.context, c.d_head, c.rope_base, c.rope_factors)
            self._turn = torch.complex(cos, sin)
            self._still = torch.ones(c.n_kv_heads, c.d_head // 2, dtype=torch.complex64)

    def new_state(self) -> State:
        """An empty sequence."""
        return State(self.config)

    @property
    def read_bytes(self) -> int:
        """Bytes of weights that a token reads when no block is skipped."""
        return self._head.read_bytes + sum(b.read_bytes for b in self._blocks)

    def extend(self, pieces: Sequence[tuple[State, Sequence[int]]]) -> Tensor:
        """Read a piece of each sequence; the logits (sequences, vocab) after each piece, in float32.

        Raises:
            PromptTooLong: a sequence would outgrow the context; nothing was read.
            OutOfMemory: it does not fit.
        """
        for state, tokens in pieces:
            if state.length + len(tokens) > self.config.context:
                raise PromptTooLong(
                    f"{state.length + len(tokens)} tokens do not fit the context of {self.config.context}."
                )
        with memory_guard(), torch.inference_mode():
            return self._extend(pieces)

    def _extend(self, pieces: Sequence[tuple[State, Sequence[int]]]) -> Tensor:
        c, eps = self.config, self.config.norm_eps
        for state, tokens in pieces:
            state.reserve(len(tokens))
        states = [s for s, _ in pieces]
        many = [len(t) for _, t in pieces]
        x = self._embedding.rows(torch.tensor([i for _, t in pieces for i in t]))
        position = [p for s, t in pieces for p in range(s.length, s.length + len(t))]
        turn = self._turn[torch.tensor(position)].unsqueeze(1)
        rotation = torch.cat(
            (turn.expand(-1, c.n_heads + c.n_kv_heads, -1), self._still.expand(len(position), -1, -1)), dim=1
        )
        for block in self._blocks:
            block.run(x, states, many, position, rotation)
        for state, n in zip(states, many, strict=True):
            state.length += n
        last = x if len(x) == len(many) else x[torch.tensor(many).cumsum(0) - 1]
        return self._head(F.rms_norm(last, (c.d_model,), self._norm, eps).bfloat16()).float()


class _Packer:
    """Turns tensors of a source into packed matrices."""

    def __init__(self, source: Weights, precision: Precision) -> None:
        self.source = source
        self._precision = precision
        self._have = set(source.names())

    def linear(self, *names: str, order: Tensor | None = None) -> PackedLinear:
        """The matrices of ``names`` as one, below each other, the rows in ``order``."""
        blocks = [b for b in map(self.source.blocks_q4_1, names) if b is not None]
        if self._precision in ("auto", "int4") and len(blocks) == len(names):
            whole = torch.cat(blocks) if len(blocks) > 1 else blocks[0]
            return Int4Linear(whole if order is None else whole[order])
        w = torch.cat([self.source.tensor(n) for n in names])
        return self.of(w if order is None else w[order])

    def of(self, w: Tensor) -> PackedLinear:
        """A matrix packed as the precision says."""
        if self._precision == "wide" or w.shape[1] % GROUP or w.shape[0] % GROUP:  # the kernels want whole groups
            return WideLinear(w)
        return Int4Linear.from_float(w) if self._precision == "int4" else Int8Linear(w)

    def tensor(self, name: str) -> Tensor:
        """A tensor in float32."""
        return self.source.tensor(name)

    def has(self, name: str) -> bool:
        """Whether there is such a tensor."""
        return name in self._have


class _Block:
    """One block."""

    def __init__(self, c: Config, pack: _Packer, index: int) -> None:
        self._c, self._index = c, index
        at = f"layers.{index}."
        self._norm1 = pack.tensor(at + "input_layernorm.weight")
        self._norm2 = pack.tensor(at + "post_attention_layernorm.weight")
        # Rows of queries and keys in pairs (i, i + D/2), so that a rotation is one complex product.
        pairs = torch.arange(c.d_head).view(2, -1).T.flatten()
        turned = (torch.arange(c.n_heads + c.n_kv_heads).unsqueeze(1) * c.d_head + pairs).flatten()
        still = torch.arange(c.n_kv_heads * c.d_head) + len(turned)
        names = (f"{at}self_attn.{p}_proj.weight" for p in "qkv")
        self._qkv = pack.linear(*names, order=torch.cat((turned, still)))
        self._out = pack.linear(at + "self_attn.o_proj.weight")
        self._depth = _Depth(c, pack, at + "depth.") if index in c.mod.blocks else None
        self._ffn: Any
        if index not in c.moe.blocks:
            self._ffn = _Dense(pack, at + "mlp.")
        else:
            self._ffn = (_Experts if c.moe.kind == "ffn" else _Deltas)(c, pack, at + "mlp.")

    @property
    def read_bytes(self) -> int:
        return self._qkv.read_bytes + self._out.read_bytes + int(self._ffn.read_bytes)

    def run(self, x_ND: Tensor, states: list[State], many: list[int], position: list[int], rotation: Tensor) -> None:
        """Add this block's update to ``x``, in place."""
        if self._depth is None:
            x_ND += self._update(x_ND, states, many, position, rotation)
            return
        taken, factor = self._depth.decide(x_ND)
        if not taken:
            return
        if len(taken) == len(x_ND):
            update = self._update(x_ND, states, many, position, rotation)
            x_ND += update if factor is None else update * factor.unsqueeze(-1)
            return
        index = torch.tensor(taken)
        some = [0] * len(many)
        sequence, end = 0, many[0]
        for row in taken:
            while row >= end:
                sequence += 1
                end += many[sequence]
            some[sequence] += 1
        update = self._update(x_ND[index], states, some, [position[i] for i in taken], rotation[index])
        x_ND.index_add_(0, index, update.float() if factor is None else update * factor[index].unsqueeze(-1))

    def _update(
        self, x_ND: Tensor, states: list[State], many: list[int], position: list[int], rotation: Tensor
    ) -> Tensor:
        c = self._c
        h = F.rms_norm(x_ND, (c.d_model,), self._norm1, c.norm_eps).bfloat16()
        pairs = self._qkv(h).float().view(len(h), -1, c.d_head // 2, 2)
        qkv = torch.view_as_real(torch.view_as_complex(pairs) * rotation).bfloat16().flatten(2)
        mixed, at = [], 0
        for state, n in zip(states, many, strict=True):
            if n:
                mixed.append(self._attend(qkv[at : at + n], state, position[at : at + n]))
                at += n
        attended = self._out(mixed[0] if len(mixed) == 1 else torch.cat(mixed))
        h = F.rms_norm(x_ND + attended, (c.d_model,), self._norm2, c.norm_eps)
        update: Tensor = attended + self._ffn(h)
        return update

    def _attend(self, qkv: Tensor, state: State, position: list[int]) -> Tensor:
        """Keep keys and values of ``n`` tokens, and gather for their queries: (n, heads * d_head)."""
        c, n, before = self._c, len(qkv), state.count[self._index]
        slots = state.kv[self._index]
        slots[:, :, before : before + n] = qkv[:, c.n_heads :].view(n, 2, c.n_kv_heads, -1).permute(1, 2, 0, 3)
        state.count[self._index] = after = before + n
        if self._index in state.positions:
            state.positions[self._index] += position
        k, v = slots[:, :, :after].unsqueeze(1)
        if n == 1:  # the queries of a group are rows of one product
            q = qkv[:, : c.n_heads].view(1, c.n_kv_heads, -1, c.d_head)
            return F.scaled_dot_product_attention(q, k, v).reshape(1, -1)
        q = qkv[:, : c.n_heads].transpose(0, 1).unsqueeze(0)
        mask = None if not before else torch.ones(n, after, dtype=torch.bool).tril(before)
        y = F.scaled_dot_product_attention(q, k, v, mask, is_causal=mask is None, enable_gqa=True)
        return y[0].transpose(0, 1).reshape(n, -1)


class _Depth:
    """Decides which rows a block takes, causally."""

    def __init__(self, c: Config, pack: _Packer, at: str) -> None:
        self._c = c
        self._router = pack.tensor(at + "router.weight").flatten()
        self._threshold = float(pack.tensor(at + "threshold")) if pack.has(at + "threshold") else 0.0
        if c.mod.sample_routing == "predictor":
            self._hidden = pack.tensor(at + "predictor.0.weight"), pack.tensor(at + "predictor.0.bias")
            self._last = pack.tensor(at + "predictor.2.weight"), pack.tensor(at + "predictor.2.bias")

    def decide(self, x_ND: Tensor) -> tuple[list[int], Tensor | None]:
        """The rows that are taken, and what all rows' updates are multiplied by (None: 1)."""
        m = self._c.mod
        scaled = F.rms_norm(x_ND, x_ND.shape[-1:], None, self._c.norm_eps)
        r = (scaled if m.normalise else x_ND) @ self._router
        match m.sample_routing:
            case "predictor":
                score = F.linear(F.silu(F.linear(scaled, *self._hidden)), *self._last).squeeze(-1)
            case "threshold":
                score = r - self._threshold
            case _:
                score = r
        taken = [i for i, s in enumerate(score.tolist()) if s > 0]
        return taken, update_factor(r, m.gate)


class _Dense:
    """SwiGLU, gate and up in one product."""

    def __init__(self, pack: _Packer, at: str) -> None:
        self._gate_up = pack.linear(at + "gate_proj.weight", at + "up_proj.weight")
        self._down = pack.linear(at + "down_proj.weight")
        self.read_bytes = self._gate_up.read_bytes + self._down.read_bytes

    def __call__(self, h_ND: Tensor) -> Tensor:
        gate, up = self._gate_up(h_ND.bfloat16()).chunk(2, dim=-1)
        return self._down(F.silu(gate).mul_(up))


class _Routed:
    """What experts of both kinds share."""

    def __init__(self, c: Config, pack: _Packer, at: str) -> None:
        self._m = c.moe
        self._router = pack.tensor(at + "router.weight")
        self._bias = pack.tensor(at + "bias") if c.moe.balance == "bias" else None

    def route(self, h_ND: Tensor) -> tuple[Tensor, Tensor]:
        """The experts of each row and their weights."""
        logits = F.linear(h_ND, self._router)
        score = expert_scores(logits, self._m.score)
        chosen, weight = choose(score, self._bias, self._m.k_fine, normalise=self._m.normalise)
        return chosen, weight * self._m.scale


class _Experts(_Routed):
    """Fine-grained experts: only the chosen ones are read."""

    def __init__(self, c: Config, pack: _Packer, at: str) -> None:
        super().__init__(c, pack, at)
        gate, up, down = (pack.tensor(f"{at}experts.{p}") for p in ("gate", "up", "down"))
        self._gate_up = [pack.of(torch.cat((g, u))) for g, u in zip(gate, up, strict=True)]
        self._down = [pack.of(d) for d in down]
        self._shared = _Dense(pack, at + "shared.") if c.moe.n_shared else None
        used = min(c.moe.k_fine, c.moe.n_fine)
        self.read_bytes = used * (self._gate_up[0].read_bytes + self._down[0].read_bytes)
        self.read_bytes += 0 if self._shared is None else self._shared.read_bytes

    def __call__(self, h_ND: Tensor) -> Tensor:
        chosen, weight = self.route(h_ND)
        h = h_ND.bfloat16()
        y = torch.zeros_like(h_ND) if self._shared is None else self._shared(h).float()
        if len(h) == 1:
            for e, w in zip(chosen[0].tolist(), weight[0].tolist(), strict=True):
                if e < len(self._down):
                    y = y.add(self._expert(e, h), alpha=w)
            return y
        for e in chosen.unique().tolist():
            if e < len(self._down):
                row, slot = (chosen == e).nonzero(as_tuple=True)
                y.index_add_(0, row, self._expert(e, h[row]).float() * weight[row, slot].unsqueeze(-1))
        return y

    def _expert(self, e: int, h: Tensor) -> Tensor:
        gate, up = self._gate_up[e](h).chunk(2, dim=-1)
        return self._down[e](F.silu(gate).mul_(up))


class _Deltas(_Routed):
    """A dense FFN and low-rank changes: only the chosen ones are read for one row; all of them for many."""

    def __init__(self, c: Config, pack: _Packer, at: str) -> None:
        super().__init__(c, pack, at)
        self._dense = _Dense(pack, at)
        self._gate_up, self._down = self._dense._gate_up, self._dense._down  # noqa: SLF001 - of this module
        a, b = ({p: pack.tensor(f"{at}deltas.{p}_{s}").bfloat16() for p in ("gate", "up", "down")} for s in "ab")
        self._a_gate_up = torch.cat((a["gate"], a["up"]), dim=1)  # (E, 2r, D)
        self._b_gate, self._b_up, self._a_down, self._b_down = b["gate"], b["up"], a["down"], b["down"]
        self._pairs = tuple((a[p], b[p]) for p in ("gate", "up", "down"))
        small = sum(t[0].nbytes for t in (self._a_gate_up, self._b_gate, self._b_up, self._a_down, self._b_down))
        self.read_bytes = self._dense.read_bytes + c.moe.top_k * small

    def __call__(self, h_ND: Tensor) -> Tensor:
        chosen, weight = self.route(h_ND)
        h = h_ND.bfloat16()
        if len(h) > 1:
            spread = weight.new_zeros(len(h), self._m.n_experts + self._m.n_noop).scatter(1, chosen, weight)
            return self._many(h, spread[:, : self._m.n_experts])
        picks = [(e, w) for e, w in zip(chosen[0].tolist(), weight[0].tolist(), strict=True) if e < self._m.n_experts]
        if not picks:
            return self._dense(h)
        gate, up = self._gate_up(h).chunk(2, dim=-1)
        r = self._m.rank
        for e, w in picks:
            low = (self._a_gate_up[e] @ h[0]) * w
            gate = gate + self._b_gate[e] @ low[:r]
            up = up + self._b_up[e] @ low[r:]
        inner = F.silu(gate).mul_(up)
        y = self._down(inner)
        for e, w in picks:
            y = y + self._b_down[e] @ ((self._a_down[e] @ inner[0]) * w)
        return y

    def _many(self, h: Tensor, weight_NE: Tensor) -> Tensor:
        gate, up = self._gate_up(h).chunk(2, dim=-1)
        for_gate, for_up, for_down = self._pairs
        inner = F.silu(add_low_rank(gate, h, for_gate, weight_NE)) * add_low_rank(up, h, for_up, weight_NE)
        return add_low_rank(self._down(inner), inner, for_down, weight_NE)
