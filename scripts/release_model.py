"""Make a trained model the one that ships: its files, and its card from the figures that were measured.

    python scripts/release_model.py DELTAS.safetensors --training results.json --judged judged.json --recipe experts
        [--card]

``--training`` is what ``scripts/train_release.py`` wrote, ``--judged`` what ``scripts/judge_predictions.py --json``
did. ``--card`` leaves the weights as they are and writes the card alone. It prints the hash that
``agentsh_models.loading.RELEASED_SHA256`` must have.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HOME / "models")]

from agentsh_models import load_base, load_deltas, save_deltas  # noqa: E402 - found through the line above
from agentsh_models.loading import BASE_PACKAGE, RELEASED, file_sha256  # noqa: E402

MOST = 16 << 20  # bytes of a file
CARD = """\
# {name}

The local model of agentsh: SmolLM2-135M-Instruct with low-rank experts beside every FFN, trained to turn a wish into a
shell line and to use agentsh's tools. This card was made by `scripts/release_model.py` from what was measured.

| | |
|---|---|
| Base | SmolLM2-135M-Instruct (Apache-2.0), four bits, from the package `{base}`, SHA-256 `{base_sha}` |
| Added | {experts} experts of rank {rank} beside each of {blocks} FFNs, {top_k} for each token; routed depth: {depth} |
| Parameters | {base_parameters:.1f} M of the base, {added:.1f} M added ({size:.1f} MB in bfloat16) |
| Licence of what was added | Apache-2.0, as agentsh |
| Trained | {tokens:.1f} M tokens, {steps} steps, {seconds:.0f} s on one {device}; the base was left as it is |
| Held-out loss | {before:.3f} before, {after:.3f} after (nats for each token that the assistant says) |

## Trained on

- Wishes and lines from agentsh's own templates, each run in its sandbox and kept only because it did what was computed
  without it: alone, after their nearest neighbours, and as whole conversations of the agent loop, some of two steps or
  with a mistake that is mended.
- The training part of NL2Bash (11,595 pairs; MIT, copyright 2020 NL2Bash dataset), those whose commands agentsh has.
- Examples of tldr-pages (CC BY 4.0, the tldr-pages team and contributors), likewise.

None of the wishes that judge it, and none that is almost one of them (by word triples, or the same line).

## How good it is

{wishes} held-out wishes; the line and the reference both run in the sandbox, and must print the same and leave the same
tree. Recipes at equal cost of training; "ranked" is the one of five answers that a run takes first.

{table}

By family, the first answer, `{recipe}`, shown the four nearest pairs:

{families}

## What it is not for

It knows the kinds of wishes above and their like. It does not plan, writes no programs, and knows little of the world;
of tasks in several steps it solves few that are not close to these kinds. Its answers are effects to look at before
they land, as with any model here.
"""


def main() -> None:
    """Write the files and the card."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("deltas", type=Path)
    parser.add_argument("--training", type=Path, required=True)
    parser.add_argument("--judged", type=Path, required=True)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--card", action="store_true")
    options = parser.parse_args()
    training, judged = json.loads(options.training.read_text()), json.loads(options.judged.read_text())
    base = load_base()
    loaded = load_deltas(options.deltas, base)
    RELEASED.parent.mkdir(exist_ok=True)
    if not options.card:
        save_deltas(RELEASED, loaded.model, base, most=MOST, extra={"recipe": options.recipe})
    files = sorted(RELEASED.parent.glob(f"{RELEASED.stem}*.safetensors"))
    of, config = training["recipes"][options.recipe], loaded.config
    card = CARD.format(
        name=RELEASED.stem,
        base=BASE_PACKAGE,
        base_sha=base.sha256,
        experts=config.moe.n_experts,
        rank=config.moe.rank,
        blocks=len(config.moe.blocks),
        top_k=config.moe.top_k,
        depth=f"{config.mod.capacity:.0%} of the tokens on blocks {config.mod.blocks}" if config.mod.blocks else "none",
        base_parameters=base.model.parameter_count() / 1e6,
        added=of["trained_parameters"] / 1e6,
        size=sum(f.stat().st_size for f in files) / 1e6,
        tokens=of["tokens"] / 1e6,
        steps=of["steps"],
        seconds=of["seconds"],
        device=training["device"],
        before=training["base_loss"],
        after=of["held_out_loss"],
        wishes=judged[f"{options.recipe} retrieval"]["all"],
        table=table(training, judged),
        recipe=options.recipe,
        families=families(judged[f"{options.recipe} retrieval"]),
    )
    (RELEASED.parent / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    print(file_sha256(RELEASED), *(f"{f.name} {f.stat().st_size}" for f in files), sep="\n")


def table(training: dict[str, Any], judged: dict[str, dict[str, int]]) -> str:
    """Recipes by what they were shown."""
    rows = ["| recipe | held-out loss | shown | first right | ranked right of 5 | any of 5 | runs |", "|" + "---|" * 7]
    for key, c in judged.items():
        name, shown = key.split(" ")
        loss = training["base_loss"] if name == "base" else training["recipes"][name]["held_out_loss"]
        one = c["ranked"] == c["any"] == c["top-1"]  # a single answer was asked for
        shares = [c["top-1"], None if one else c["ranked"], None if one else c["any"], c["runs"]]
        said = " | ".join("" if n is None else f"{100 * n / c['all']:.1f} %" for n in shares)
        what = "the four nearest pairs" if shown == "retrieval" else "nothing"
        rows.append(f"| {name} | {loss:.3f} | {what} | {said} |")
    return "\n".join(rows)


def families(counts: dict[str, int]) -> str:
    """Right and all, by family."""
    found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for key, n in counts.items():
        if key.startswith("all "):
            family = key.removeprefix("all ")
            found[family] = counts.get(f"top-1 {family}", 0), n
    rows = [f"| {family} | {right} of {n} |" for family, (right, n) in sorted(found.items())]
    return "\n".join(["| family | right |", "|---|---|", *rows])


if __name__ == "__main__":
    main()
