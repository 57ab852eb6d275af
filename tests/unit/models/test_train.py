"""Training at a tiny scale: packing, resuming, the loss, and upcycling."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from agentsh_models import Config, Model, load_deltas, save_deltas
from agentsh_models.errors import BadRequest, BadWeights
from agentsh_models.loading import Loaded
from agentsh_models.train import Example, Recipe, Trainer, collate, pack
from agentsh_models.upcycle import upcycle, upcycled_config
from agentsh_models.weights import Weights

TINY = Config(
    vocab_size=61, d_model=32, n_layers=4, n_heads=4, n_kv_heads=2, d_head=8, d_ff=48, rope_base=1e4, context=64
)
torch.set_num_threads(1)  # at this size a second one only waits
RECIPE = Recipe(steps=12, rows=4, micro=2, length=32, rate=3e-3, warmup=2, bf16=False, trains="added")


class Memory(Weights):
    """Tensors of a model."""

    def __init__(self, model):
        self._of = {k: v for k, v in model.state_dict().items() if not k.endswith((".load",))}

    def names(self):
        return self._of

    def tensor(self, name):
        return self._of[name].float()


def parent(seed=0, config=TINY, tmp_path=None):
    torch.manual_seed(seed)
    model = Model(config).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if not name.endswith("norm.weight"):
                p.normal_(0, 0.15)
    return Loaded(config, None, Memory(model), tmp_path, "", "tiny")


def examples(many=40, seed=3):
    """Questions whose answer is the question's first token, said twice."""
    draw = torch.Generator().manual_seed(seed)
    out = []
    for _ in range(many):
        asked = torch.randint(1, 60, (int(torch.randint(2, 9, (1,), generator=draw)),), generator=draw).tolist()
        out.append(Example([*asked, 0, asked[0], asked[0]], [False] * (len(asked) + 1) + [True, True]))
    return out


def routed(loaded, **changes):
    config = upcycled_config(loaded.config, experts=3, rank=4, depth_blocks=(1, 2), capacity=0.5, **changes)
    return upcycle(loaded, config, seed=1)


def trainer(recipe=RECIPE):
    loaded = parent()
    return Trainer(routed(loaded), examples(), recipe, base_names=set(loaded.source.names()))


def test_bfloat16_is_not_emulated(monkeypatch):
    exact = trainer().step().loss
    emulating = replace(RECIPE, bf16=True)
    monkeypatch.setattr("agentsh_models.train.has_bf16", lambda _device: True)
    assert trainer(emulating).step().loss != exact
    monkeypatch.setattr("agentsh_models.train.has_bf16", lambda _device: False)
    assert trainer(emulating).step().loss == exact


def test_rows_hold_whole_documents_each_once_an_epoch():
    docs = examples(30)
    rows = pack(docs, 32, seed=5)
    seen = []
    while len(seen) < 30:
        row = next(rows)
        assert sum(len(e.ids) for e in row) <= 32
        seen += row
    assert sorted(map(repr, seen)) == sorted(map(repr, docs))
    assert next(pack(docs, 32, seed=5)) == next(pack(docs, 32, seed=5))
    assert next(pack(docs, 32, seed=5)) != next(pack(docs, 32, seed=6))


def test_only_answers_are_learnt():
    batch = collate(
        [[Example([5, 6, 0, 5, 5], [False, False, False, True, True]), Example([7, 0, 7], [False, False, True])]], 10
    )
    assert batch.learn[0].tolist() == [False, False, True, True, False, False, True, False, False, False]
    assert batch.segment[0].tolist() == [0] * 5 + [1] * 3 + [-1] * 2


def test_documents_of_a_row_do_not_see_each_other():
    model = parent().model
    a, b = torch.randint(0, 61, (1, 7)), torch.randint(0, 61, (1, 9))
    segment = torch.tensor([[0] * 7 + [1] * 9])
    with torch.no_grad():
        packed = model(torch.cat((a, b), 1), segment=segment).logits
        alone = torch.cat((model(a).logits, model(b).logits), 1)
    assert torch.allclose(packed, alone, atol=1e-5)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_an_upcycled_model_says_what_its_parent_says(mode):
    loaded = parent()
    model = routed(loaded)
    tokens = torch.randint(0, 61, (2, 16))
    with torch.no_grad():
        model.train(mode == "train")
        model.set_capacity(1.0)  # where training begins
        assert torch.allclose(model(tokens).logits, loaded.model(tokens).logits, atol=1e-6)


@pytest.mark.slow
def test_the_upcycled_base_says_what_the_base_says(base):
    model = upcycle(base, upcycled_config(base.config, depth_blocks=(4, 12)))
    tokens = torch.tensor([base.tokenizer.encode("find . -name '*.py' | xargs wc -l | sort -n")])
    with torch.no_grad():
        assert torch.allclose(model(tokens).logits, base.model(tokens).logits, atol=1e-4)


def test_a_routed_model_cannot_be_upcycled():
    with pytest.raises(BadRequest, match="routers already"):
        upcycled_config(routed(parent()).config)


def test_it_learns_and_leaves_the_base_alone():
    run = trainer(replace(RECIPE, steps=50, rate=1e-2))
    before = {n: p.clone() for n, p in run.model.named_parameters() if not p.requires_grad}
    losses = []
    assert run.run(seconds=600, on_step=lambda r: losses.append(r.loss))
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    for name, p in run.model.named_parameters():
        if name in before:
            assert torch.equal(p, before[name]), name


def test_the_threshold_takes_what_the_capacity_says():
    run = trainer(replace(RECIPE, steps=40, rate=1e-2))
    run.run(seconds=600)
    shares = run.model.eval()(collate([[e] for e in examples(60, seed=9)], 16).tokens).stats
    assert 0.25 < float(shares["depth.share.1"]) < 0.75
    assert float(run.model.layers[1].depth.threshold) > -100


def test_capacity_falls_in_a_line():
    recipe = replace(RECIPE, steps=100)
    assert [recipe.capacity_at(s, 0.5) for s in (0, 10, 35, 60, 99)] == [1.0, 1.0, 0.75, 0.5, 0.5]
    rates = [recipe.rate_at(s) for s in range(100)]
    assert max(rates) == recipe.rate
    assert rates[-1] == pytest.approx(recipe.floor * recipe.rate, rel=0.05)


@pytest.mark.parametrize("cut", [1, 5, 11])
def test_a_run_that_was_cut_ends_bit_for_bit_as_one_that_was_not(tmp_path, cut):
    whole = trainer()
    whole.run(seconds=600)
    first = trainer()
    for _ in range(cut):
        first.step()
    first.save(tmp_path / "state.safetensors")
    second = trainer()
    second.resume(tmp_path / "state.safetensors")
    assert second.step_number == cut
    second.run(seconds=600)
    other = second.model.state_dict()
    for name, w in whole.model.state_dict().items():
        assert torch.equal(w, other[name]), name


def test_no_step_begins_that_would_end_too_late():
    assert not trainer().run(seconds=-1)


def test_another_runs_state_is_refused(tmp_path):
    trainer().save(tmp_path / "state.safetensors")
    with pytest.raises(BadRequest, match="recipe differs"):
        trainer(replace(RECIPE, rate=1e-4)).resume(tmp_path / "state.safetensors")


def test_nothing_to_train():
    loaded = parent()
    with pytest.raises(BadRequest, match="nothing to train"):
        Trainer(loaded.model, examples(), RECIPE, base_names=set(loaded.source.names()))
    with pytest.raises(BadRequest, match="No example"):
        next(pack([Example([1] * 99, [True] * 99)], 32, 0))


def test_deltas_go_into_files_of_a_size_and_come_back(tmp_path):
    loaded = parent()
    run = trainer(replace(RECIPE, steps=6, rate=1e-2))
    run.run(seconds=600)
    first = tmp_path / "t.safetensors"
    save_deltas(first, run.model, loaded, dtype=torch.float32, most=20_000)
    files = sorted(tmp_path.glob("*.safetensors"))
    assert len(files) > 1
    assert all(f.stat().st_size <= 20_000 for f in files)  # with what a file takes beside its tensors
    back = load_deltas(first, loaded).build().eval()
    tokens = torch.randint(0, 61, (1, 12))
    with torch.no_grad():
        assert torch.equal(back(tokens).logits, run.model.eval()(tokens).logits)
    files[0].write_bytes(files[0].read_bytes()[:-1] + b"x")
    with pytest.raises(BadWeights, match="was changed"):
        load_deltas(first, loaded)


def test_what_is_trained_is_what_is_judged():
    evaluate = pytest.importorskip("agentsh.runtime.tasks.evaluate")
    from agentsh_models.train import line_messages

    assert line_messages("w") == evaluate.prompt("w", [])
