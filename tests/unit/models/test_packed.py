"""The packed form computes what the architecture says."""

import random
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from agentsh_models import Config, Loaded, MoD, Model, MoE
from agentsh_models.errors import BadRequest, PromptTooLong
from agentsh_models.kernels.packed import Int4Linear, Int8Linear, WideLinear
from agentsh_models.packed import PackedModel
from agentsh_models.reference import ReferenceRunner
from agentsh_models.weights import Weights

TINY = Config(vocab_size=96, d_model=64, n_layers=3, n_heads=4, n_kv_heads=2, d_head=16, d_ff=64, context=64)
ROUTED = MoD(blocks=(1,), capacity=0.5, predictor_hidden=8)
KINDS = {
    "dense": TINY,
    "untied": replace(TINY, tied=False),
    "mod": replace(TINY, mod=ROUTED),
    "mod-aux": replace(TINY, mod=replace(ROUTED, sample_routing="aux", gate="sigmoid", normalise=True)),
    "mod-threshold": replace(TINY, mod=replace(ROUTED, sample_routing="threshold", gate="offset")),
    "mod-none": replace(TINY, mod=replace(ROUTED, gate="none")),
    "moe": replace(TINY, moe=MoE(blocks=(0, 2), n_experts=4, granularity=2, n_shared=1)),
    "moe-sigmoid": replace(TINY, moe=MoE(blocks=(0,), n_experts=4, score="sigmoid", balance="bias", top_k=2)),
    "noop": replace(TINY, moe=MoE(blocks=(0, 1, 2), n_experts=2, n_noop=2, top_k=2)),
    "delta": replace(TINY, moe=MoE(blocks=(0, 1, 2), kind="delta", n_experts=3, rank=4, top_k=2, n_noop=1)),
    "staged": replace(TINY, mod=ROUTED, moe=MoE(blocks=(1, 2), n_experts=2, granularity=2)),
}
EVERY = pytest.mark.parametrize("kind", KINDS)


class FromModel(Weights):
    def __init__(self, model) -> None:
        self._state = model.state_dict()

    def names(self):
        return self._state

    def tensor(self, name):
        return self._state[name].float()


def made(config, precision="wide", seed=0):
    """The same weights twice: as the architecture, and packed."""
    torch.manual_seed(seed)
    model = Model(config).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if not name.endswith("norm.weight"):
                p.normal_(0, 0.15)
            p.copy_(p.bfloat16())
    loaded = Loaded(config, None, FromModel(model), None, "", "tiny")
    return ReferenceRunner(model), PackedModel(loaded, precision)


def close(a, b, within=0.03):
    return bool((a - b).norm() < within * b.norm())


def tokens(n, seed=1):
    draw = random.Random(seed)
    return [draw.randrange(96) for _ in range(n)]


@EVERY
def test_equals_the_architecture(kind):
    reference, packed = made(KINDS[kind])
    for lengths in ([12], [40], [1, 1, 1, 1]):
        a, b, at = reference.new_state(), packed.new_state(), 0
        for n in lengths:
            piece = tokens(50)[at : at + n]
            ours, theirs = packed.extend([(b, piece)]), reference.extend([(a, piece)])
            assert close(ours, theirs, 0.1), (kind, lengths, float((ours - theirs).norm() / theirs.norm()))
            at += n
        assert b.count == [int(c[0]) for c in a.cache.count]


@EVERY
def test_sequences_of_a_batch_do_not_touch(kind):
    _, packed = made(KINDS[kind])
    texts = [tokens(n, seed=n) for n in (3, 20, 1, 9)]
    together = [packed.new_state() for _ in texts]
    alone = [packed.new_state() for _ in texts]
    for _ in range(3):
        logits = packed.extend(list(zip(together, texts, strict=True)))
        for row, state, text in zip(logits, alone, texts, strict=True):
            assert close(row, packed.extend([(state, text)])[0], 0.1)


@EVERY
def test_truncate_and_copy(kind):
    _, packed = made(KINDS[kind])
    text = tokens(30)
    state = packed.new_state()
    packed.extend([(state, text)])
    other = state.copy()
    packed.extend([(state, tokens(9, seed=4))])  # goes on; the copy must not notice
    other.truncate(11)
    whole = packed.new_state()
    assert close(packed.extend([(other, text[11:])]), packed.extend([(whole, text)]))
    assert other.count == whole.count


def test_skipped_blocks_read_nothing():
    _, packed = made(KINDS["mod"])
    block = packed._blocks[1]
    block._depth.decide = lambda _: ([], None)
    block._qkv = block._ffn = None  # would fail if they were used
    state = packed.new_state()
    packed.extend([(state, tokens(5))])
    assert state.count == [5, 0, 5]


def test_unchosen_experts_are_not_read():
    _, packed = made(KINDS["moe-sigmoid"])
    ffn = packed._blocks[0]._ffn
    used = set()
    ffn._expert = lambda e, h, inner=ffn._expert: (used.add(e), inner(e, h))[1]
    packed.extend([(packed.new_state(), tokens(1))])
    assert len(used) == 2


@pytest.mark.parametrize(("precision", "within"), [("int8", 0.03), ("int4", 0.35)])
def test_precisions(precision, within):
    reference, packed = made(KINDS["dense"], precision)
    assert close(packed.extend([(packed.new_state(), [5])]), reference.extend([(reference.new_state(), [5])]), within)


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("rows", [1, 3, 16, 17, 60])
@pytest.mark.parametrize("shape", [(32, 32), (96, 64), (64, 1536)])
def test_packed_products(rows, shape, native, monkeypatch):
    monkeypatch.setattr("agentsh_models.kernels.packed._NATIVE", native)
    monkeypatch.setattr("agentsh_models.kernels.packed._FEW", 16 if native else 1 << 30)
    w, x = torch.randn(shape), torch.randn(rows, shape[1]).bfloat16()
    exact = x.float() @ w.T
    assert close(WideLinear(w)(x).float(), exact, 0.01)
    assert close(Int8Linear(w)(x).float(), exact, 0.02)
    assert close(Int4Linear.from_float(w)(x).float(), exact, 0.12)
    four = Int4Linear.from_float(w)
    assert close(four.few(x).float(), x.float() @ four.wide().float().T, 0.01)


def test_q4_1_blocks_are_taken_as_they_are(base):
    name = "layers.3.mlp.down_proj.weight"
    four = Int4Linear(base.source.blocks_q4_1(name))
    exact = base.source.tensor(name)
    assert (four.wide().float() - exact).abs().max() < 0.01 * exact.abs().max()


def test_base_weights_packed_equal_those_of_the_architecture(base):
    packed = PackedModel(base)
    ids = base.tokenizer.chat([{"role": "user", "content": "List the files of a directory by size."}])
    state = packed.new_state()
    ours = [packed.extend([(state, ids)])[0], *(packed.extend([(state, [i])])[0] for i in ids[:6])]
    with torch.no_grad():
        theirs = base.model(torch.tensor([ids + ids[:6]])).logits[0, len(ids) - 1 :]
    kl = torch.nn.functional.kl_div(
        torch.stack(ours).log_softmax(-1), theirs.log_softmax(-1), log_target=True, reduction="none"
    )
    assert kl.sum(-1).mean() < 0.02
    assert torch.equal(ours[0].argmax(), theirs[0].argmax())


def test_past_the_context_reads_nothing():
    _, packed = made(TINY)
    state = packed.new_state()
    packed.extend([(state, tokens(60))])
    with pytest.raises(PromptTooLong):
        packed.extend([(state, tokens(5))])
    assert state.length == 60


def test_topk_routing_is_refused():
    with pytest.raises(BadRequest, match="top-k"):
        made(replace(TINY, mod=replace(ROUTED, sample_routing="topk")))
