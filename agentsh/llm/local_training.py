"""Upcycling and training of the local model, in slices that go on where the last one left off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.errors import UsageError
from agentsh.llm.local import load_weights, require_packages, told_to_people

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_NEEDED = ("gguf", "jinja2", "safetensors", "tokenizers", "torch")
MOST_BYTES = 16 << 20
"""Of a file of weights."""


def upcycle_model(
    out: Path, *, experts: int, rank: int, depth_blocks: Sequence[int], capacity: float, seed: int
) -> int:
    """Write experts and routers over the base that change nothing yet; how many parameters they are.

    Raises:
        UsageError: packages are missing, or the numbers do not fit together.
        ModelError: the base is not installed.
    """
    require_packages(*_NEEDED)
    with told_to_people():
        from agentsh_models import load_base, save_deltas  # noqa: PLC0415 - heavy
        from agentsh_models.upcycle import upcycle, upcycled_config  # noqa: PLC0415

        base = load_base()
        shape = upcycled_config(
            base.config,
            experts=experts,
            rank=rank,
            top_k=min(2, max(1, experts)),
            depth_blocks=depth_blocks,
            capacity=capacity,
        )
        model = upcycle(base, shape, seed=seed)
        save_deltas(out, model, base, most=MOST_BYTES)
        known = set(base.source.names())
        return sum(p.numel() for n, p in model.named_parameters() if n not in known)


def train_model(
    data: Path,
    *,
    start: Path | None,
    out: Path,
    state: Path,
    recipe: Mapping[str, object],
    seconds: float,
    device: str,
    on_step: Callable[[str], None],
) -> bool:
    """Train for a while; True when the last step is done, and ``out`` written.

    Args:
        data: JSON lines: conversations with ``messages``, or pairs of ``instruction`` and ``command``.
        start: weights to begin with; None for the base.
        out: where the trained weights go.
        state: what a run needs to go on; made at the end of each slice.
        recipe: fields of :class:`agentsh_models.train.Recipe`.
        seconds: of this slice.
        device: ``cpu``, ``cuda``, or ``auto``.
        on_step: told of each step in a line.

    Raises:
        UsageError: packages are missing; the data cannot be read; the state is another run's.
        ModelError: weights cannot be used, or training failed.
    """
    require_packages(*_NEEDED)
    with told_to_people():
        import torch  # noqa: PLC0415 - heavy

        from agentsh_models import load_base, save_deltas  # noqa: PLC0415
        from agentsh_models.train import Recipe, Trainer, read_examples  # noqa: PLC0415

        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cuda" and not torch.cuda.is_available():
            raise UsageError(f"There is no GPU that PyTorch {torch.__version__} can use.", next_step="--device cpu")
        base, begun = load_base(), load_weights(start)
        trainer = Trainer(
            begun.build(begun.config),
            read_examples(data, base.tokenizer),
            Recipe(**recipe),  # type: ignore[arg-type]
            base_names=set(base.source.names()),
            device=device,
        )
        if state.exists():
            trainer.resume(state)
        done = trainer.run(
            seconds=seconds,
            on_step=lambda r: on_step(f"step {r.step} loss {r.loss:.4f} rate {r.rate:.2e} capacity {r.capacity:.2f}"),
        )
        trainer.save(state)
        if done:
            save_deltas(out, trainer.model.to("cpu"), base, most=MOST_BYTES)
        return done
