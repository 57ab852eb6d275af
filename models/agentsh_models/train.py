"""Training: AdamW, a cosine of learning rates, documents packed into rows, loss on what the assistant says.

A run is a function of its recipe, its examples and its start alone: it can be cut into slices of any length, and goes
on bit for bit as if it had not been (on one kind of machine with one number of threads).
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch.nn import functional as F

from agentsh_models.errors import BadRequest, BadWeights, NotFinite
from agentsh_models.loading import memory_guard
from agentsh_models.processor import has_bf16

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from agentsh_models.architecture import Model
    from agentsh_models.tokenizer import Tokenizer

_FORMAT = "agentsh-training-1"
LINE_SYSTEM = (
    "Answer with one line for a POSIX shell that does what is wished, and nothing else: no explanation, no Markdown."
)
_OPEN_ROWS = 8  # a document goes into the first of these that has room


class Example(NamedTuple):
    """A document: its tokens, and True for each that the assistant says."""

    ids: Sequence[int]
    said: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        steps: of the optimiser.
        rows: of a step.
        micro: rows computed at once; they are summed up to a step.
        length: tokens of a row.
        rate: the highest learning rate.
        warmup: steps until it is reached.
        floor: the last rate, as a share of the highest.
        decay: of matrices (AdamW's weight decay).
        clip: the gradient's norm at most.
        seed: of the order of the documents.
        trains: ``added`` what the base has not (experts, routers), ``all`` everything.
        bf16: compute products in bfloat16 where :func:`agentsh_models.processor.has_bf16` says that the device can;
            weights, moments and routers stay float32.
        full_until: share of the steps in which routed blocks take every token.
        lowered_by: share of the steps after which they take the config's capacity; between, it falls in a line.
    """

    steps: int = 400
    rows: int = 16
    micro: int = 16
    length: int = 512
    rate: float = 1e-3
    warmup: int = 20
    floor: float = 0.1
    decay: float = 0.01
    clip: float = 1.0
    seed: int = 0
    trains: Literal["added", "all"] = "added"
    bf16: bool = True
    full_until: float = 0.1
    lowered_by: float = 0.6

    def rate_at(self, step: int) -> float:
        """The learning rate of a step: a line up, then half a cosine down (Loshchilov and Hutter 2016)."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = min(1.0, (step - self.warmup) / max(1, self.steps - self.warmup))
        return self.rate * (self.floor + (1 - self.floor) * (1 + math.cos(math.pi * done)) / 2)

    def capacity_at(self, step: int, final: float) -> float:
        """The share of tokens that routed blocks take in a step."""
        start, end = self.full_until * self.steps, self.lowered_by * self.steps
        done = min(1.0, max(0.0, (step - start) / max(1.0, end - start)))
        return 1.0 + done * (final - 1.0)


class Batch(NamedTuple):
    """Packed rows, (B, T) each.

    Attributes:
        tokens: int64.
        segment: the number of a token's document within its row; -1 for padding.
        learn: True where the next token is the assistant's: what the loss is of.
    """

    tokens: Tensor
    segment: Tensor
    learn: Tensor


class StepReport(NamedTuple):
    """What a step did: number, mean loss of a learnt token, routers' losses, tokens read, rate, norm, capacity."""

    step: int
    loss: float
    routers: float
    tokens: int
    rate: float
    norm: float
    capacity: float


def line_messages(instruction: str, command: str = "") -> list[dict[str, str]]:
    """The conversation that asks for a line, and its answer unless that is empty: the same in training and judging."""
    asked = [{"role": "system", "content": LINE_SYSTEM}, {"role": "user", "content": instruction}]
    return [*asked, {"role": "assistant", "content": command}] if command else asked


def read_examples(path: Path, tokenizer: Tokenizer) -> list[Example]:
    """Conversations of a JSON-lines file: each line has ``messages`` and may have ``tools``, or is a pair.

    Raises:
        BadRequest: the file cannot be read, or a line is no such object.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeError) as e:
        raise BadRequest(f"The training data {path} cannot be read: {e}.") from e
    examples = []
    for number, line in enumerate(lines, 1):
        try:
            data = json.loads(line)
            messages = data["messages"] if "messages" in data else line_messages(data["instruction"], data["command"])
            examples.append(Example(*tokenizer.chat_spans(messages, data.get("tools", ()))))
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise BadRequest(f"Line {number} of {path} is no conversation: {e!r}.") from e
    return examples


def pack(examples: Sequence[Example], length: int, seed: int) -> Iterator[list[Example]]:
    """Rows of whole documents, epoch after epoch, each in an order of its own; what is longer than a row is left out.

    Raises:
        BadRequest: nothing is left.
    """
    fitting = [e for e in examples if len(e.ids) <= length and any(e.said[1:])]
    if not fitting:
        raise BadRequest(f"No example has at most {length} tokens and an answer to learn.")
    for epoch in itertools.count():
        order = torch.randperm(len(fitting), generator=torch.Generator().manual_seed(seed + epoch)).tolist()
        rows: list[list[Example]] = []
        for example in (fitting[i] for i in order):
            row = next((r for r in rows if sum(len(e.ids) for e in r) + len(example.ids) <= length), None)
            if row is None:
                if len(rows) == _OPEN_ROWS:
                    yield rows.pop(0)
                rows.append(row := [])
            row.append(example)
        yield from rows


def collate(rows: Sequence[Sequence[Example]], length: int) -> Batch:
    """Rows as tensors."""
    tokens = torch.zeros(len(rows), length, dtype=torch.long)
    segment = torch.full_like(tokens, -1)
    learn = torch.zeros_like(tokens, dtype=torch.bool)
    for r, row in enumerate(rows):
        at = 0
        for number, example in enumerate(row):
            end = at + len(example.ids)
            tokens[r, at:end] = torch.tensor(example.ids)
            segment[r, at:end] = number
            learn[r, at : end - 1] = torch.tensor(example.said[1:])
            at = end
    return Batch(tokens, segment, learn)


class Trainer:
    """A training run.

    Args:
        model: what is trained, in float32; it is moved to ``device``.
        examples: documents.
        recipe: how.
        base_names: tensors of the base: ``trains="added"`` leaves them as they are.
        device: ``cpu`` or ``cuda``.

    Raises:
        BadRequest: there is nothing to learn, or nothing to train.
    """

    def __init__(
        self,
        model: Model,
        examples: Sequence[Example],
        recipe: Recipe,
        *,
        base_names: Collection[str] = (),
        device: str = "cpu",
    ) -> None:
        self.model, self.recipe, self.device, self.step_number = model.to(device), recipe, device, 0
        self._bf16 = recipe.bf16 and has_bf16(device)
        self._examples = examples
        self._rows = pack(examples, recipe.length, recipe.seed)
        fixed = set(base_names) if recipe.trains == "added" else set[str]()
        for name, p in model.named_parameters():
            p.requires_grad_(name not in fixed)
        self._trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
        if not self._trained:
            raise BadRequest("There is nothing to train.", next_step="Upcycle the model, or train all of it.")
        groups = [
            {"params": [p for p in self._trained.values() if p.dim() >= 2], "weight_decay": recipe.decay},
            {"params": [p for p in self._trained.values() if p.dim() < 2], "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=recipe.rate, betas=(0.9, 0.95))

    def step(self) -> StepReport:
        """One step of the optimiser.

        Raises:
            NotFinite: the loss is no number; the weights are as before.
            OutOfMemory: it does not fit.
        """
        recipe, model = self.recipe, self.model.train()
        rows = list(itertools.islice(self._rows, recipe.rows))
        parts = [collate(rows[i : i + recipe.micro], recipe.length) for i in range(0, len(rows), recipe.micro)]
        learnt = sum(int(p.learn.sum()) for p in parts)
        capacity = recipe.capacity_at(self.step_number, model.config.mod.capacity)
        model.set_capacity(capacity)
        rate = recipe.rate_at(self.step_number)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        loss = routers = torch.zeros((), device=self.device)
        with memory_guard():
            for part in parts:
                said, extra = self._losses(part)
                said, extra = said / max(1, learnt), extra / len(parts)
                (said + extra).backward()
                loss, routers = loss + said.detach(), routers + extra.detach()
            norm = torch.nn.utils.clip_grad_norm_(self._trained.values(), recipe.clip)
            if not math.isfinite(float(loss + routers + norm)):
                self._optimizer.zero_grad(set_to_none=True)
                raise NotFinite(f"The loss of step {self.step_number} is no number.")
            self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        model.after_step()
        tokens = sum(int((p.segment >= 0).sum()) for p in parts)
        report = StepReport(self.step_number, float(loss), float(routers), tokens, rate, float(norm), capacity)
        self.step_number += 1
        return report

    def _losses(self, part: Batch) -> tuple[Tensor, Tensor]:
        """The sum of the learnt tokens' losses, and the routers' losses."""
        logits, target, extra = self._forward(part)
        return F.cross_entropy(logits, target, reduction="sum"), extra

    def _forward(self, part: Batch, model: Model | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the learnt tokens in float32 (N, vocab), the tokens (N,), and the routers' losses.

        Args:
            part: what is read.
            model: another one, in the place of the one that is trained.
        """
        model = model or self.model
        tokens, segment, learn = (t.to(self.device, non_blocking=True) for t in part)
        routed = model.config.mod.blocks or model.config.moe.blocks
        valid = segment >= 0 if routed else None  # padding is a document of its own: it must not sway routers alone
        with torch.autocast(self.device, torch.bfloat16) if self._bf16 else nullcontext():
            x, losses, _ = model.features(tokens, valid=valid, segment=segment)
            logits = model.head(x[learn])
        extra = sum(losses.values(), torch.zeros((), device=self.device))
        return logits.float(), tokens.roll(-1, 1)[learn], extra

    def run(self, *, seconds: float, on_step: Callable[[StepReport], None] = lambda _report: None) -> bool:
        """Train until the recipe's last step or until ``seconds`` are over; True when the last step is done."""
        end = time.monotonic() + seconds
        longest = 0.0
        while self.step_number < self.recipe.steps:
            start = time.monotonic()
            if start + longest > end:
                return False
            on_step(self.step())
            longest = max(longest, time.monotonic() - start)
        return True

    @torch.no_grad()
    def held_out_loss(self, examples: Sequence[Example]) -> float:
        """The mean loss of a learnt token in eval mode, routed as at decoding."""
        self.model.eval()
        fitting = [e for e in examples if len(e.ids) <= self.recipe.length]
        total, many = 0.0, 0
        for at in range(0, len(fitting), self.recipe.micro):
            part = collate([[e] for e in fitting[at : at + self.recipe.micro]], self.recipe.length)
            said, _ = self._losses(part)
            total, many = total + float(said), many + int(part.learn.sum())
        return total / max(1, many)

    def save(self, path: Path, about: Mapping[str, str] | None = None) -> None:
        """Write all that the run needs to go on, as one safetensors file; a cut leaves the old one."""
        from safetensors.torch import save_file

        tensors: dict[str, Tensor] = {}
        for name, p in self._trained.items():
            tensors["w." + name] = p.detach()
            for key, value in self._optimizer.state.get(p, {}).items():
                tensors[f"{key}.{name}"] = value
        for name, b in self._kept_buffers():
            tensors["b." + name] = b
        beside = path.with_name(path.name + ".part")
        metadata = {**(about or {}), **self._identity(), "step": str(self.step_number)}
        save_file({k: t.cpu().contiguous().clone() for k, t in tensors.items()}, beside, metadata=metadata)
        beside.replace(path)

    @torch.no_grad()
    def resume(self, path: Path) -> None:
        """Go on where :meth:`save` left off.

        Raises:
            BadWeights: the file is damaged.
            BadRequest: it belongs to another recipe, other examples, or another model.
        """
        from agentsh_models.weights import SafetensorsWeights

        file = SafetensorsWeights([path])
        for key, value in self._identity().items():
            if file.metadata.get(key) != value:
                raise BadRequest(
                    f"The state {path} is of another run: its {key} differs.",
                    next_step="Train with the same data and options, or into another directory.",
                )
        have = set(file.names())
        for name, p in self._trained.items():
            p.copy_(file.tensor("w." + name))
            state: dict[str, Any] = {}
            for key in ("step", "exp_avg", "exp_avg_sq"):
                if f"{key}.{name}" in have:
                    kept = file.tensor(f"{key}.{name}")
                    state[key] = kept if key == "step" else kept.to(self.device)
            if state:
                self._optimizer.state[p] = state
        for name, b in self._kept_buffers():
            b.copy_(file.tensor("b." + name))
        try:
            self.step_number = int(file.metadata.get("step", ""))
        except ValueError as e:
            raise BadWeights(f"The state {path} is damaged: it names no step.") from e
        self._rows = pack(self._examples, self.recipe.length, self.recipe.seed)
        for _ in itertools.islice(self._rows, self.step_number * self.recipe.rows):
            pass

    def _kept_buffers(self) -> list[tuple[str, Tensor]]:
        return [(n, b) for n, b in self.model.named_buffers() if n.endswith((".bias", ".threshold"))]

    def _identity(self) -> dict[str, str]:
        digest = hashlib.sha256()
        for example in self._examples:
            digest.update(repr((list(example.ids), list(example.said))).encode())
        return {
            "format": _FORMAT,
            "recipe": json.dumps(asdict(self.recipe), sort_keys=True),
            "examples": digest.hexdigest(),
            "config": json.dumps(self.model.config.to_json(), sort_keys=True),
        }
