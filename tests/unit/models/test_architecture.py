"""Properties of the architecture that hold for any weights."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from agentsh_models import Cache, Config, MoD, Model, MoE
from agentsh_models.errors import BadRequest, BadWeights, PromptTooLong

TINY = Config(
    vocab_size=97, d_model=32, n_layers=4, n_heads=4, n_kv_heads=2, d_head=8, d_ff=48, rope_base=1e4, context=64
)
ROUTED = MoD(blocks=(1, 3), capacity=0.5, predictor_hidden=8)
KINDS = {
    "dense": TINY,
    "untied": replace(TINY, tied=False),
    "mod": replace(TINY, mod=ROUTED),
    "mod-aux": replace(TINY, mod=replace(ROUTED, sample_routing="aux", predictor_hidden=0, normalise=True)),
    "mod-threshold": replace(
        TINY, mod=replace(ROUTED, train_routing="threshold", sample_routing="threshold", gate="sigmoid")
    ),
    "moe": replace(TINY, moe=MoE(blocks=(0, 2), n_experts=4, granularity=2, n_shared=1, top_k=1)),
    "moe-sigmoid": replace(TINY, moe=MoE(blocks=(0, 2), n_experts=4, score="sigmoid", balance="bias", top_k=2)),
    "noop": replace(TINY, moe=MoE(blocks=(0, 1, 2), n_experts=2, granularity=2, n_noop=2, top_k=1)),
    "delta": replace(TINY, moe=MoE(blocks=(0, 1, 2, 3), kind="delta", n_experts=3, rank=4, top_k=2)),
    "staged": replace(TINY, mod=ROUTED, moe=MoE(blocks=(1, 2), n_experts=2, granularity=2, z_weight=0.1)),
}
EVERY = pytest.mark.parametrize("kind", KINDS)


def model_of(config, seed=0):
    torch.manual_seed(seed)
    model = Model(config)
    with torch.no_grad():  # larger than at a start, so that routers decide and differences show
        for name, p in model.named_parameters():
            if not name.endswith("norm.weight"):
                p.normal_(0, 0.3)
    return model.eval()


def tokens(rows=2, length=12, seed=1):
    return torch.randint(0, 97, (rows, length), generator=torch.Generator().manual_seed(seed))


@EVERY
def test_shapes_and_gradients(kind):
    model = model_of(KINDS[kind]).train()
    out = model(tokens())
    assert out.logits.shape == (2, 12, 97)
    loss = torch.nn.functional.cross_entropy(out.logits.flatten(0, 1), tokens().flatten()) + sum(out.losses.values())
    loss.backward()
    missing = [n for n, p in model.named_parameters() if p.grad is None]
    assert not [n for n in missing if "threshold" not in n and "predictor" not in n], missing
    assert torch.isfinite(loss)


@EVERY
def test_the_future_changes_nothing(kind):
    model = model_of(KINDS[kind])
    a, b = tokens(1), tokens(1)
    b[:, 7:] = (b[:, 7:] + 5) % 97
    with torch.no_grad():
        assert torch.allclose(model(a).logits[:, :7], model(b).logits[:, :7], atol=1e-5)


@EVERY
@pytest.mark.parametrize("pieces", [[1] * 12, [5, 7], [3, 1, 8]])
def test_cached_equals_whole(kind, pieces):
    model = model_of(KINDS[kind])
    t = tokens(3)
    with torch.no_grad():
        whole = model(t).logits
        cache = model.new_cache(3)
        parts = [model(p, cache).logits for p in t.split(pieces, dim=1)]
    assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-4)


@pytest.mark.parametrize("kind", ["mod", "mod-aux", "mod-threshold", "staged"])
def test_some_tokens_skip_and_leave_nothing_in_the_cache(kind):
    model = model_of(KINDS[kind])
    cache = model.new_cache(1)
    with torch.no_grad():
        stats = model(tokens(1, 40), cache).stats
    for block in (1, 3):
        share = float(stats[f"depth.share.{block}"])
        assert 0 < share < 1
        assert int(cache.count[block]) == round(share * 40)
    assert int(cache.count[0]) == 40


@EVERY
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(kind, side):
    model = model_of(KINDS[kind])
    short, long = tokens(1, 7), tokens(1, 12, seed=3)
    padded = torch.zeros(2, 12, dtype=torch.long)
    valid = torch.zeros(2, 12, dtype=torch.bool)
    at = slice(5, 12) if side == "left" else slice(0, 7)
    padded[0, at], padded[1] = short[0], long[0]
    valid[0, at], valid[1] = True, True
    with torch.no_grad():
        out = model(padded, valid=valid).logits
        last = model(padded, valid=valid, last_only=True).logits
        cached = model(padded, model.new_cache(2), valid=valid).logits
        assert torch.allclose(out[0, at], model(short).logits[0], atol=1e-4)
        assert torch.allclose(out[1], model(long).logits[0], atol=1e-4)
        assert torch.allclose(last[0, 0], model(short).logits[0, -1], atol=1e-4)
        assert torch.allclose(cached[0, at], out[0, at], atol=1e-4)


@EVERY
def test_truncated_cache_equals_a_shorter_one(kind):
    model = model_of(KINDS[kind])
    t = tokens(1, 20)
    with torch.no_grad():
        cache = model.new_cache(1)
        model(t, cache)
        cache.truncate(9)
        again = model(t[:, 9:], cache).logits
        assert torch.allclose(again, model(t).logits[:, 9:], atol=1e-4)


def test_full_capacity_is_dense():
    routed = model_of(replace(TINY, mod=MoD(blocks=(1, 2), capacity=1.0, gate="none")))
    dense = Model(TINY).eval()
    dense.load_state_dict(routed.state_dict(), strict=False)
    for train in (True, False):  # in training by top-k; at sampling by a router that lets everything in
        routed.train(train)
        if not train:
            for i in (1, 2):
                routed.layers[i].depth.predictor[2].bias.data.fill_(1e4)
        with torch.no_grad():
            assert torch.allclose(routed(tokens()).logits, dense(tokens()).logits, atol=1e-4)


@pytest.mark.parametrize("gate", ["offset", "sigmoid"])
def test_gates_for_conversion_are_one_at_zero(gate):
    routed = model_of(replace(TINY, mod=MoD(blocks=(1, 2), capacity=1.0, gate=gate))).train()
    for i in (1, 2):
        routed.layers[i].depth.router.weight.data.zero_()
    dense = Model(TINY).eval()
    dense.load_state_dict(routed.state_dict(), strict=False)
    with torch.no_grad():
        assert torch.allclose(routed(tokens()).logits, dense(tokens()).logits, atol=1e-4)


def test_zero_deltas_are_dense():
    dense = model_of(TINY)
    delta = Model(KINDS["delta"]).eval()  # fresh: B is zero
    delta.load_state_dict(dense.state_dict(), strict=False)
    with torch.no_grad():
        assert torch.allclose(delta(tokens()).logits, dense(tokens()).logits, atol=1e-5)


def test_deltas_are_changes_of_the_matrices():
    one = model_of(replace(TINY, moe=MoE(blocks=(0,), kind="delta", n_experts=1, rank=4, normalise=True)))
    dense = Model(TINY).eval()
    dense.load_state_dict(one.state_dict(), strict=False)
    mlp, deltas = dense.layers[0].mlp, one.layers[0].mlp.deltas
    with torch.no_grad():
        for name in ("gate", "up", "down"):
            a, b = getattr(deltas, f"{name}_a")[0], getattr(deltas, f"{name}_b")[0]
            getattr(mlp, f"{name}_proj").weight += b @ a
        assert torch.allclose(one(tokens()).logits, dense(tokens()).logits, atol=1e-3)


def test_all_fine_grained_experts_together_are_the_dense_ffn():
    g = 4
    split = model_of(replace(TINY, moe=MoE(blocks=(0,), n_experts=1, granularity=g, top_k=1, scale=float(g))))
    dense = Model(TINY).eval()
    dense.load_state_dict(split.state_dict(), strict=False)
    split.layers[0].mlp.router.weight.data.zero_()  # each gets weight 1 / g, and scale makes it 1
    experts, mlp = split.layers[0].mlp.experts, dense.layers[0].mlp
    with torch.no_grad():
        mlp.gate_proj.weight.copy_(experts.gate.flatten(0, 1))
        mlp.up_proj.weight.copy_(experts.up.flatten(0, 1))
        mlp.down_proj.weight.copy_(experts.down.transpose(0, 1).flatten(1))
        assert torch.allclose(split(tokens()).logits, dense(tokens()).logits, atol=1e-3)


def test_topk_takes_exactly_the_capacity():
    model = model_of(replace(TINY, mod=replace(ROUTED, capacity=0.25))).train()
    stats = model(tokens(3, 16)).stats
    assert float(stats["depth.share.1"]) == 0.25
    assert 0 <= float(stats["depth.accuracy.1"]) <= 1


def test_predictor_learns_the_choice_and_leaves_the_stream_alone():
    model = model_of(KINDS["mod"]).train()
    out = model(tokens())
    out.losses["predictor.1"].backward()
    assert model.layers[1].depth.predictor[0].weight.grad is not None
    assert model.embed_tokens.weight.grad is None
    model(tokens()).losses["aux.1"].backward()
    assert model.embed_tokens.weight.grad is not None


def test_raw_gate_trains_the_router_through_the_output():
    model = model_of(replace(TINY, mod=replace(ROUTED, aux_weight=0.0, predictor_weight=0.0))).train()
    model(tokens()).logits.square().sum().backward()
    assert model.layers[1].depth.router.weight.grad.abs().sum() > 0


def test_topk_cannot_continue_a_sequence():
    model = model_of(replace(TINY, mod=replace(ROUTED, sample_routing="topk")))
    cache = model.new_cache(1)
    with torch.no_grad():
        model(tokens(1), cache)
        with pytest.raises(BadRequest, match="Top-k"):
            model(tokens(1), cache)


def test_balance_bias_moves_towards_the_idle():
    model = model_of(KINDS["moe-sigmoid"]).train()
    load = model(tokens(4, 16)).stats["experts.load.0"]
    model.after_step()
    bias = model.layers[0].mlp.bias
    assert bias[load.argmax()] < 0 < bias[load.argmin()]
    before = bias.clone()
    model.after_step()  # nothing was read since
    assert torch.equal(bias, before)


def test_balance_loss_is_least_when_even():
    model = model_of(replace(TINY, moe=MoE(blocks=(0,), n_experts=4, balance_weight=1.0))).train()
    router = model.layers[0].mlp.router.weight
    with torch.no_grad():
        skewed = float(model(tokens(4, 16)).losses["balance.0"])
        router.zero_()
        assert float(model(tokens(4, 16)).losses["balance.0"]) == pytest.approx(1.0, abs=1e-5)
    assert skewed > 1.0


def test_expert_capacity_drops_the_lightest():
    full = model_of(replace(TINY, moe=MoE(blocks=(0,), n_experts=4))).train()
    tight = Model(replace(TINY, moe=MoE(blocks=(0,), n_experts=4, capacity_factor=0.25))).train()
    tight.load_state_dict(full.state_dict())
    with torch.no_grad():
        assert not torch.allclose(full(tokens()).logits, tight(tokens()).logits, atol=1e-3)
        assert torch.allclose(full.eval()(tokens()).logits, tight.eval()(tokens()).logits)


def test_a_token_that_chose_no_ops_alone_passes_the_ffn_by():
    from agentsh_models.kernels.experts import mix_experts

    w = [torch.randn(2, 4, 8), torch.randn(2, 4, 8), torch.randn(2, 8, 4)]
    y = mix_experts(torch.randn(3, 8), tuple(w), torch.tensor([[2], [0], [3]]), torch.ones(3, 1))
    assert y[[0, 2]].abs().sum() == 0
    assert y[1].abs().sum() > 0


def test_past_the_context():
    model = model_of(TINY)
    with torch.no_grad(), pytest.raises(PromptTooLong, match="65 tokens"):
        model(tokens(1, 65))


@pytest.mark.parametrize(
    "bad",
    [
        {"n_kv_heads": 3},
        {"mod": MoD(blocks=(9,))},
        {"mod": MoD(blocks=(2, 1))},
        {"mod": MoD(capacity=0.0)},
        {"mod": MoD(gate="odd")},
        {"mod": MoD(predictor_hidden=0)},
        {"moe": MoE(granularity=5)},
        {"moe": MoE(top_k=9)},
        {"moe": MoE(kind="delta", granularity=2)},
        {"d_head": 7},
    ],
)
def test_a_config_that_does_not_fit(bad):
    with pytest.raises(BadWeights):
        replace(TINY, **bad)


@EVERY
def test_config_round_trip(kind):
    import json

    assert Config.from_json(json.loads(json.dumps(KINDS[kind].to_json()))) == KINDS[kind]


def test_config_refuses_what_it_does_not_know():
    with pytest.raises(BadWeights, match="unknown"):
        Config.from_json({**TINY.to_json(), "evil": 1})
    with pytest.raises(BadWeights):
        Config.from_json({"mod": {}})


def test_cache_grows():
    cache = Cache(TINY, 1)
    k = torch.randn(1, 2, 300, 8)
    ones = torch.ones(1, 300, dtype=torch.bool)
    keys, _, mask = cache.append(0, k, k, torch.arange(300).unsqueeze(0), ones)
    assert torch.equal(keys, k)
    assert torch.equal(mask[0], torch.ones(300, 300).tril().bool())
