"""Train the local model by several recipes at equal cost, and let each answer the held-out wishes.

    python scripts/make_training_data.py data.jsonl --prompts prompts.jsonl
    python scripts/train_release.py data.jsonl prompts.jsonl OUT [--seconds 540] [--recipes dense,experts,mod4,distil]
    python scripts/judge_predictions.py OUT/*.predictions.jsonl

For a GPU that is there for minutes: each recipe gets an equal share of ``--seconds``, its number of steps from the time
of its first ones. OUT gets ``results.json``, for each recipe its deltas (files of 16 MiB at most) and its answers, each
as soon as it is there: a run that is cut off leaves what was done. It needs the model's package alone, no agentsh.

Recipes: ``dense`` trains all weights, as a reference and as a teacher; ``experts`` low-rank experts over the base;
``mod4`` and ``mod8`` routed depth on 4 or 8 blocks beside them; ``distil`` is ``mod4`` taught by ``dense``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HOME / "models")]

import torch  # noqa: E402 - found through the line above

from agentsh_models import Model, load_base, save_deltas  # noqa: E402
from agentsh_models.distil import DistillingTrainer  # noqa: E402
from agentsh_models.errors import BadRequest, ModelFault  # noqa: E402
from agentsh_models.many import answer_many  # noqa: E402
from agentsh_models.train import Recipe, Trainer, read_examples  # noqa: E402
from agentsh_models.upcycle import CHEAP_BLOCKS, upcycle, upcycled_config  # noqa: E402

NO_GPU = 69  # EX_UNAVAILABLE
MORE_BLOCKS = (*CHEAP_BLOCKS, 10, 15, 19, 26)
DEPTH: dict[str, tuple[int, ...]] = {"experts": (), "mod4": CHEAP_BLOCKS, "mod8": MORE_BLOCKS, "distil": CHEAP_BLOCKS}
RATES = {"dense": 2e-4}
ADDED_RATE = 2e-3
PROBES = 4  # steps whose time says how many there can be
ANSWERING = 0.25  # share of the time for the answers


def main() -> int:
    """Train, save, answer."""
    options = arguments()
    if options.device == "cuda" and not torch.cuda.is_available():
        print(f"There is no GPU that PyTorch {torch.__version__} can use; nothing was trained.", file=sys.stderr)
        return NO_GPU
    torch.set_float32_matmul_precision("high")
    options.out.mkdir(parents=True, exist_ok=True)
    Release(options).run()
    return 0


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=540.0)
    parser.add_argument("--recipes", type=lambda t: t.split(","), default=["dense", "experts", "mod4", "distil"])
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--micro", type=int, default=16)
    parser.add_argument("--length", type=int, default=1536)
    parser.add_argument("--capacity", type=float, default=0.5)
    parser.add_argument("--samples", type=int, default=4, help="answers drawn beside the likeliest")
    parser.add_argument("--longest", type=int, default=56, help="tokens of an answer")
    parser.add_argument("--batch", type=int, default=640, help="prompts answered together")
    parser.add_argument("--device", default="cuda", help="cpu: to try the script")
    return parser.parse_args()


class Release:
    """A run of all recipes.

    Args:
        options: what was asked for.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.began = time.monotonic()
        self.base = load_base()
        examples = read_examples(options.data, self.base.tokenizer)
        at = max(1, len(examples) // 40)
        self.held_out, self.train = examples[:at], examples[at:]
        self.prompts = [json.loads(line) for line in options.prompts.read_text("utf-8").splitlines()]
        self.ids = [self.base.tokenizer.chat(p["messages"]) for p in self.prompts]
        self.teacher: Model | None = None
        device = torch.cuda.get_device_name() if options.device == "cuda" else options.device
        self.results: dict[str, Any] = {"device": device, "examples": len(self.train), "recipes": {}}

    def run(self) -> None:
        """Train each recipe, and write what came of it at once."""
        whole = self.base.build()
        self.results["base_loss"] = round(self.trainer(whole, self.recipe("dense", 1)).held_out_loss(self.held_out), 4)
        self.answer(whole, "base", samples=0)
        share = (self.options.seconds - self.spent()) * (1 - ANSWERING) / len(self.options.recipes)
        for name in self.options.recipes:
            try:
                model, report = self.train_one(name, share)
            except ModelFault as e:  # the others are worth having
                self.note(name, {"failed": f"{e.what} {e.next_step}"})
                continue
            if name == "dense":
                self.teacher = model
            else:
                save_deltas(self.options.out / f"{name}.safetensors", model, self.base, most=16 << 20)
            self.note(name, report)
            if self.spent() < self.options.seconds:
                self.answer(model, name, samples=0 if name == "dense" else self.options.samples)
        self.results["seconds"] = round(self.spent(), 1)
        self.write()

    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    def note(self, name: str, report: dict[str, Any]) -> None:
        """Keep what came of a recipe."""
        self.results["recipes"][name] = report
        self.write()
        print(name, json.dumps(report), f"{self.spent():.0f} s", file=sys.stderr, flush=True)

    def write(self) -> None:
        """Write the results so far."""
        (self.options.out / "results.json").write_text(json.dumps(self.results, indent=1) + "\n")

    def recipe(self, name: str, steps: int) -> Recipe:
        """How a recipe trains in so many steps."""
        return Recipe(
            steps=steps,
            rows=self.options.rows,
            micro=self.options.micro,
            length=self.options.length,
            warmup=max(1, min(20, steps // 10)),
            rate=RATES.get(name, ADDED_RATE),
            trains="all" if name == "dense" else "added",
        )

    def new(self, name: str) -> Model:
        """A recipe's model as it begins."""
        if name == "dense":
            return self.base.build()
        config = upcycled_config(self.base.config, depth_blocks=DEPTH[name], capacity=self.options.capacity)
        return upcycle(self.base, config)

    def trainer(self, model: Model, recipe: Recipe, teacher: Model | None = None) -> Trainer:
        """What trains a model."""
        known = {"base_names": set(self.base.source.names()), "device": self.options.device}
        if teacher is None:
            return Trainer(model, self.train, recipe, **known)
        return DistillingTrainer(model, self.train, recipe, teacher=teacher, **known)

    def train_one(self, name: str, seconds: float) -> tuple[Model, dict[str, Any]]:
        """Train one recipe for about ``seconds``.

        Raises:
            BadRequest: it has no teacher.
        """
        if name == "distil" and self.teacher is None:
            raise BadRequest("There is no teacher.", next_step="Let 'dense' go before 'distil'.")
        taught = self.teacher if name == "distil" else None
        began = time.monotonic()
        probe = self.trainer(self.new(name), self.recipe(name, 1000), taught)
        probe.step()
        start = time.monotonic()
        for _ in range(PROBES):
            probe.step()
        each = (time.monotonic() - start) / PROBES
        del probe
        steps = max(2, int((seconds - (time.monotonic() - began)) / each))
        run = self.trainer(self.new(name), self.recipe(name, steps), taught)
        done = [run.step() for _ in range(steps)]
        trained = sum(p.numel() for p in run.model.parameters() if p.requires_grad)
        return run.model.eval(), {
            "steps": steps,
            "seconds": round(time.monotonic() - began, 1),
            "tokens": sum(r.tokens for r in done),
            "seconds_a_step": round(each, 3),
            "loss": [round(r.loss, 4) for r in done[:: max(1, steps // 20)]],
            "held_out_loss": round(run.held_out_loss(self.held_out), 4),
            "trained_parameters": trained,
        }

    def answer(self, model: Model, name: str, *, samples: int) -> None:
        """Write a model's answers: the likeliest to each prompt, then drawn ones to those with retrieved examples."""
        options = self.options
        model = model.to(options.device).eval()
        rows: list[dict[str, Any]] = [
            {**{k: v for k, v in p.items() if k != "messages"}, "model": name, "lines": [], "scores": []}
            for p in self.prompts
        ]
        alike = sorted(range(len(rows)), key=lambda n: len(self.ids[n]))  # prompts of like length together
        with torch.autocast(options.device, torch.bfloat16, enabled=options.device == "cuda"):
            for draw in range(1 + samples):
                order = [n for n in alike if not draw or rows[n]["mode"] == "retrieval"]
                for at in range(0, len(order), options.batch):
                    some = order[at : at + options.batch]
                    said = answer_many(
                        model,
                        [self.ids[n] for n in some],
                        most=options.longest,
                        stops=self.base.tokenizer.eos_ids,
                        temperature=0.7 if draw else 0.0,
                        seed=draw,
                    )
                    for n, one in zip(some, said, strict=True):
                        rows[n]["lines"].append(self.base.tokenizer.decode(one.ids))
                        rows[n]["scores"].append(round(one.score, 4))
        with (options.out / f"{name}.predictions.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
