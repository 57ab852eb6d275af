"""A teacher's part in training, and many answers at once."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from agentsh_models.distil import DistillingTrainer
from agentsh_models.errors import BadRequest
from agentsh_models.many import answer_many

from .test_train import RECIPE, TINY, examples, parent, routed, trainer


def distilling(teacher, share=1.0, **changes):
    loaded = parent()
    names = set(loaded.source.names())
    return DistillingTrainer(
        routed(loaded), examples(), replace(RECIPE, **changes), base_names=names, teacher=teacher, share=share
    )


def test_a_student_that_is_its_teacher_learns_nothing_of_it():
    assert abs(distilling(parent().build(TINY)).step().loss) < 1e-4


def test_a_student_comes_nearer_to_another_teacher():
    run = distilling(parent(seed=9).build(TINY), steps=40, rate=1e-2)
    losses = [run.step().loss for _ in range(40)]
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])


def test_the_held_out_loss_is_of_what_was_said_alone():
    docs = examples(6, seed=8)
    assert distilling(parent(seed=9).build(TINY)).held_out_loss(docs) == trainer().held_out_loss(docs)


def test_a_teacher_of_another_vocabulary_is_refused():
    with pytest.raises(BadRequest, match="vocabulary"):
        distilling(parent(config=replace(TINY, vocab_size=62)).build(replace(TINY, vocab_size=62)))


def greedy(model, prompt, most, stops):
    """One answer, reading everything anew for each token."""
    ids = list(prompt)
    for _ in range(most):
        with torch.no_grad():
            chosen = int(model(torch.tensor([ids])).logits[0, -1].argmax())
        if chosen in stops:
            break
        ids.append(chosen)
    return ids[len(prompt) :]


@pytest.mark.parametrize("made", ["dense", "routed"])
def test_many_answers_are_those_of_one_after_the_other(made):
    loaded = parent(seed=4)
    model = (loaded.build(TINY) if made == "dense" else routed(loaded)).eval()
    prompts = [[5, 6, 7], [9], [11, 3, 8, 2, 44, 17]]
    stops = {greedy(model, prompts[0], 3, set())[-1]}
    said = answer_many(model, prompts, most=12, stops=stops)
    assert [s.ids for s in said] == [greedy(model, p, 12, stops) for p in prompts]
    assert all(s.score < 0 for s in said)


def test_drawn_answers_differ_by_seed_alone():
    model = parent(seed=4).build(TINY).eval()

    def drawn(seed):
        return [s.ids for s in answer_many(model, [[5, 6]] * 4, most=10, stops={0}, temperature=1.0, seed=seed)]

    assert drawn(1) == drawn(1) != drawn(2)
