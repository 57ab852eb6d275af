"""Many answers at once, as fast as a GPU goes: for measuring, where nobody waits for the first one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from agentsh_models.architecture import Model


class Said(NamedTuple):
    """An answer.

    Attributes:
        ids: its tokens, without the one that ended it.
        score: the mean log-probability of its tokens, the end included; at temperature 1 whatever they were drawn at.
    """

    ids: list[int]
    score: float


@torch.no_grad()
def answer_many(
    model: Model,
    prompts: Sequence[Sequence[int]],
    *,
    most: int,
    stops: Collection[int],
    temperature: float = 0.0,
    seed: int = 0,
) -> list[Said]:
    """Answer prompts of any lengths together.

    Args:
        model: in eval mode, on any device; its routing must be causal.
        prompts: token ids.
        most: tokens of an answer.
        stops: tokens that end one.
        temperature: 0 takes the likeliest.
        seed: of the draws.
    """
    device = model.embed_tokens.weight.device
    draw = torch.Generator(device).manual_seed(seed)
    longest = max(map(len, prompts))
    tokens = torch.zeros(len(prompts), longest, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        tokens[row, longest - len(prompt) :] = torch.tensor(prompt)
    length = torch.tensor([len(p) for p in prompts])
    valid = (torch.arange(longest) >= longest - length.unsqueeze(1)).to(device)
    cache = model.new_cache(len(prompts))
    logits = model(tokens.to(device), cache, valid=valid, last_only=True).logits[:, -1].float()
    ends = torch.tensor(sorted(stops), device=device)
    going = torch.ones(len(prompts), dtype=torch.bool, device=device)
    said, scores, kept = [], [], []
    for _ in range(most):
        if temperature:
            chosen = (logits / temperature).softmax(-1).multinomial(1, generator=draw).squeeze(1)
        else:
            chosen = logits.argmax(-1)
        said.append(chosen)
        scores.append(logits.log_softmax(-1).gather(1, chosen.unsqueeze(1)).squeeze(1))
        kept.append(going)
        going = going & ~torch.isin(chosen, ends)
        if not bool(going.any()):
            break
        logits = model(chosen.unsqueeze(1), cache, last_only=True).logits[:, -1].float()
    ids, within = torch.stack(said, 1), torch.stack(kept, 1)
    mean = (torch.stack(scores, 1) * within).sum(1) / within.sum(1)
    out = []
    for row, inside, score in zip(ids.tolist(), within.tolist(), mean.tolist(), strict=True):
        whole = [i for i, counts in zip(row, inside, strict=True) if counts]
        out.append(Said(whole[:-1] if whole[-1] in stops else whole, score))
    return out
