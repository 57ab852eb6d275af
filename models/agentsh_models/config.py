"""The architecture as data. Every knob is a field here; ``Config()`` is the dense SmolLM2-135M."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from agentsh_models.errors import BadWeights

if TYPE_CHECKING:
    from collections.abc import Mapping

Gate = Literal["raw", "offset", "sigmoid", "none"]
TrainRouting = Literal["topk", "threshold"]
SampleRouting = Literal["aux", "predictor", "threshold", "topk"]
ExpertKind = Literal["ffn", "delta"]
Score = Literal["softmax", "sigmoid"]
Balance = Literal["loss", "bias", "none"]


@dataclass(frozen=True, slots=True)
class MoD:
    """Mixture-of-Depths: which blocks take only part of the tokens, and how the tokens are chosen.

    Attributes:
        blocks: indices of the routed blocks; empty turns it off.
        capacity: the share of a sequence's tokens that a routed block takes, 0 to 1.
        gate: what the block's update is multiplied by, with r = w . x: ``raw`` r, as published; ``offset`` 1 + r and
            ``sigmoid`` 2 * sigmoid(r), both 1 when w is zero, so that a dense model can be converted; ``none`` 1.
        normalise: r is computed from x scaled to unit mean square, not from x.
        train_routing: ``topk`` takes the best of the whole sequence (not causal); ``threshold`` takes r > 0.
        sample_routing: how eval mode decides, token by token: ``aux`` r > 0, ``predictor`` a small network,
            ``threshold`` r > a calibrated buffer; ``topk`` as in training, for comparison only: not causal.
        aux_weight: weight of the loss that centres the router on 'was among the best'; its gradient reaches x.
        predictor_weight: weight of the predictor's loss on the same label; its gradient stops at x.
        predictor_hidden: width of the predictor's hidden layer; 0 for no predictor.
        capacity_weight: weight of the loss that pulls the mean of sigmoid(r) to the capacity (for ``threshold``).
    """

    blocks: tuple[int, ...] = ()
    capacity: float = 0.125
    gate: Gate = "raw"
    normalise: bool = False
    train_routing: TrainRouting = "topk"
    sample_routing: SampleRouting = "predictor"
    aux_weight: float = 0.01
    predictor_weight: float = 1.0
    predictor_hidden: int = 128
    capacity_weight: float = 0.0


@dataclass(frozen=True, slots=True)
class MoE:
    """Mixture-of-Experts: which blocks have experts, and how they share the tokens.

    Attributes:
        blocks: indices of the blocks with experts; empty turns it off.
        kind: ``ffn`` puts fine-grained experts in place of the FFN; ``delta`` keeps the FFN for every token and adds
            low-rank changes of its three matrices, zero at first.
        n_experts: routed experts of the FFN's size (the expansion rate); of deltas, their number.
        granularity: G; each expert is split into G of d_ff / G, and top_k * G of them run. 1 for deltas.
        n_shared: fine-grained experts that every token uses.
        top_k: routed experts of the FFN's size that a token uses; of deltas, their number.
        n_noop: experts that do nothing, among the routed ones (integrated MoDE).
        rank: of the deltas.
        score: what turns router logits into weights.
        normalise: the weights of the chosen are scaled to sum 1.
        scale: multiplies the routed experts' sum.
        balance: ``loss`` adds the load-balance loss; ``bias`` moves a bias of the choice after each step; ``none``.
        balance_weight: of the loss.
        bias_rate: how far the bias moves in a step.
        z_weight: of the loss on the square of the router's log partition.
        capacity_factor: an expert takes at most this times the even share of the tokens in training; 0: no bound.
    """

    blocks: tuple[int, ...] = ()
    kind: ExpertKind = "ffn"
    n_experts: int = 8
    granularity: int = 1
    n_shared: int = 0
    top_k: int = 1
    n_noop: int = 0
    rank: int = 16
    score: Score = "softmax"
    normalise: bool = True
    scale: float = 1.0
    balance: Balance = "loss"
    balance_weight: float = 0.01
    bias_rate: float = 0.001
    z_weight: float = 0.0
    capacity_factor: float = 0.0

    @property
    def n_fine(self) -> int:
        """Routed experts after splitting."""
        return self.n_experts * self.granularity

    @property
    def k_fine(self) -> int:
        """How many of them, no-op ones included, a token uses."""
        return self.top_k * self.granularity


@dataclass(frozen=True, slots=True)
class Config:
    """A Llama-style decoder.

    Attributes:
        vocab_size: tokens.
        d_model: width of the residual stream.
        n_layers: blocks.
        n_heads: heads of queries.
        n_kv_heads: heads of keys and values; divides ``n_heads``.
        d_head: width of a head; even.
        d_ff: width of the FFN.
        rope_base: base of the rotary frequencies.
        rope_factors: divides each of the d_head / 2 frequencies (Llama 3's long contexts); empty for none.
        norm_eps: added to the mean square.
        context: tokens at most.
        tied: the output uses the embedding's weights.
        mod: Mixture-of-Depths.
        moe: Mixture-of-Experts.

    Raises:
        BadWeights: the numbers do not fit together.
    """

    vocab_size: int = 49152
    d_model: int = 576
    n_layers: int = 30
    n_heads: int = 9
    n_kv_heads: int = 3
    d_head: int = 64
    d_ff: int = 1536
    rope_base: float = 100000.0
    rope_factors: tuple[float, ...] = ()
    norm_eps: float = 1e-5
    context: int = 8192
    tied: bool = True
    mod: MoD = field(default_factory=MoD)
    moe: MoE = field(default_factory=MoE)

    def __post_init__(self) -> None:
        sizes = (self.vocab_size, self.d_model, self.n_layers, self.n_heads, self.n_kv_heads, self.d_head, self.d_ff)
        _check(min(sizes) > 0 and self.context > 0, "a size is not positive")
        _check(self.n_heads % self.n_kv_heads == 0, "n_kv_heads does not divide n_heads")
        _check(self.d_head % 2 == 0, "d_head is odd")
        _check(len(self.rope_factors) in (0, self.d_head // 2), "rope_factors has another length than d_head / 2")
        for part in (self.mod, self.moe):
            _check(all(0 <= b < self.n_layers for b in part.blocks), "a routed block does not exist")
            _check(list(part.blocks) == sorted(set(part.blocks)), "routed blocks must be in order, each once")
        _check(0 < self.mod.capacity <= 1, "capacity must be above 0 and at most 1")
        _check(self.mod.sample_routing != "predictor" or self.mod.predictor_hidden > 0, "there is no predictor to ask")
        moe = self.moe
        _check(moe.kind == "ffn" or (moe.granularity == 1 and moe.n_shared == 0), "deltas are not split or shared")
        _check(self.d_ff % moe.granularity == 0, "granularity does not divide d_ff")
        _check(0 < moe.k_fine <= moe.n_fine + moe.n_noop, "top_k chooses more experts than there are")
        _check(moe.n_experts > 0 and moe.rank > 0 and moe.n_shared >= 0 and moe.n_noop >= 0, "a count is negative")
        for value, allowed in (
            (self.mod.gate, Gate),
            (self.mod.train_routing, TrainRouting),
            (self.mod.sample_routing, SampleRouting),
            (moe.kind, ExpertKind),
            (moe.score, Score),
            (moe.balance, Balance),
        ):
            _check(value in get_args(allowed), f"'{value}' is none of {', '.join(get_args(allowed))}")

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Config:
        """Back from :meth:`to_json`.

        Raises:
            BadWeights: ``data`` is not such an object.
        """
        try:
            return cls(
                **_known(cls, {**data, "mod": MoD(**_known(MoD, data["mod"])), "moe": MoE(**_known(MoE, data["moe"]))})
            )
        except (TypeError, KeyError, AttributeError) as e:
            raise BadWeights(f"A model's configuration cannot be read: {e}.") from e


def _known(kind: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    names = {f.name for f in fields(kind)}
    if unknown := set(data) - names:
        raise BadWeights(f"A model's configuration has unknown fields: {', '.join(sorted(unknown))}.")
    return {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}


def _check(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise BadWeights(f"A model's configuration does not fit together: {otherwise}.")
