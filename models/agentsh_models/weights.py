"""Where a model's tensors come from: GGUF, safetensors, or changes laid over another source.

Names are those of :class:`agentsh_models.architecture.Model`. Only formats that hold data and no code are read.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from agentsh_models.config import Config
from agentsh_models.errors import BadWeights, MissingPart, UnknownArchitecture
from agentsh_models.gguf_file import Q4_1, GgufFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from torch import Tensor

_GGUF_NAMES = {
    "token_embd.weight": "embed_tokens.weight",
    "output_norm.weight": "norm.weight",
    "output.weight": "lm_head.weight",
}
_GGUF_PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_ROPE = "rope_freqs.weight"
LOW_A, LOW_B = ".low_a", ".low_b"
"""Suffixes of a low-rank change: the tensor of that name becomes W + B A."""


class Weights(ABC):
    """A source of tensors."""

    @abstractmethod
    def names(self) -> Iterable[str]:
        """What there is."""

    @abstractmethod
    def tensor(self, name: str) -> Tensor:
        """A tensor in float32.

        Raises:
            BadWeights: there is no such tensor, or it cannot be read.
        """

    def blocks_q4_1(self, name: str) -> Tensor | None:
        """A matrix's Q4_1 blocks, uint8 (rows, blocks of a row * 20), when it is stored so."""
        del name
        return None


class GgufWeights(Weights):
    """A Llama-family GGUF file.

    Args:
        file: it.

    Attributes:
        config: the model's shape.

    Raises:
        UnknownArchitecture: it holds another architecture, or parts that this one has not.
        BadWeights: the header does not fit together.
    """

    def __init__(self, file: GgufFile) -> None:
        self.file = file
        self.config = _gguf_config(file)
        self._of: dict[str, str] = {}
        for name in file.tensors:
            if name == _ROPE:
                continue
            part = re.fullmatch(r"blk\.([0-9]+)\.([a-z_]+)\.weight", name)
            if part and part[2] in _GGUF_PARTS:
                self._of[f"layers.{part[1]}.{_GGUF_PARTS[part[2]]}.weight"] = name
            elif name in _GGUF_NAMES:
                self._of[_GGUF_NAMES[name]] = name
            else:
                raise UnknownArchitecture(
                    f"The weights file {file.path} has the tensor '{name}', which a Llama has not."
                )

    def names(self) -> Iterable[str]:
        """See :meth:`Weights.names`."""
        return self._of

    def tensor(self, name: str) -> Tensor:
        """See :meth:`Weights.tensor`."""
        if name not in self._of:
            raise BadWeights(f"The weights file {self.file.path} has no tensor '{name}'.")
        return self._rows(name, self.file.tensor(self._of[name]))

    def blocks_q4_1(self, name: str) -> Tensor | None:
        """See :meth:`Weights.blocks_q4_1`."""
        inner = self._of.get(name, "")
        if inner not in self.file.tensors or self.file.tensors[inner].kind != Q4_1:
            return None
        rows = self.file.tensors[inner].shape[0]
        return self._rows(name, self.file.raw(inner).view(rows, -1))

    def _rows(self, name: str, w: Tensor) -> Tensor:
        """Undo the order that GGUF gives the rows of queries and keys: pairs (2i, 2i+1) instead of (i, i + D/2)."""
        if not name.endswith(("q_proj.weight", "k_proj.weight")):
            return w
        half = self.config.d_head // 2
        return w.view(-1, half, 2, w.shape[-1]).transpose(1, 2).reshape(w.shape)


def _gguf_config(file: GgufFile) -> Config:
    m = file.metadata
    kind = m.get("general.architecture")
    if kind != "llama":
        raise UnknownArchitecture(f"The weights file {file.path} holds the architecture {kind!r}, not 'llama'.")
    if m.get("llama.expert_count"):
        raise UnknownArchitecture(f"The weights file {file.path} holds experts of another make.")

    def number(name: str, otherwise: float | None = None) -> float:
        value = m.get(f"llama.{name}", otherwise)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise BadWeights(f"The weights file {file.path} has no usable 'llama.{name}'.")
        return value

    heads, width = int(number("attention.head_count")), int(number("embedding_length"))
    embedding = file.tensors.get("token_embd.weight")
    if embedding is None:
        raise BadWeights(f"The weights file {file.path} has no embedding.")
    if m.get("llama.rope.scaling.type", "none") not in ("none", "") and _ROPE not in file.tensors:
        raise UnknownArchitecture(f"The weights file {file.path} scales positions in an unknown way.")
    return Config(
        vocab_size=embedding.shape[0],
        d_model=width,
        n_layers=int(number("block_count")),
        n_heads=heads,
        n_kv_heads=int(number("attention.head_count_kv", heads)),
        d_head=int(number("attention.key_length", number("rope.dimension_count", width // heads))),
        d_ff=int(number("feed_forward_length")),
        rope_base=float(number("rope.freq_base", 10000.0)),
        rope_factors=tuple(file.tensor(_ROPE).tolist()) if _ROPE in file.tensors else (),
        norm_eps=round(number("attention.layer_norm_rms_epsilon"), 9),
        context=int(number("context_length")),
        tied="output.weight" not in file.tensors,
    )


class SafetensorsWeights(Weights):
    """The safetensors files of a directory, named as Hugging Face's Llama or as :class:`Model` names them.

    Args:
        paths: the files.

    Raises:
        BadWeights: a file is truncated or damaged.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        from safetensors import SafetensorError, safe_open

        self._of: dict[str, tuple[Any, str]] = {}
        self.metadata: dict[str, str] = {}
        for path in paths:
            try:
                opened = safe_open(path, "pt")
                keys = list(opened.keys())
            except SafetensorError as e:
                raise BadWeights(f"The weights file {path} is truncated or damaged: {e}.") from e
            except OSError as e:
                raise MissingPart(f"The weights file {path} cannot be read: {e}.") from e
            self.metadata |= opened.metadata() or {}
            for key in keys:
                self._of[key.removeprefix("model.")] = (opened, key)

    def names(self) -> Iterable[str]:
        """See :meth:`Weights.names`."""
        return self._of

    def tensor(self, name: str) -> Tensor:
        """See :meth:`Weights.tensor`."""
        if name not in self._of:
            raise BadWeights(f"The weights files have no tensor '{name}'.")
        opened, key = self._of[name]
        tensor: Tensor = opened.get_tensor(key)
        return tensor.float()


class Overlaid(Weights):
    """Changes over a base: new tensors, tensors in place of the base's, and low-rank changes of them.

    Args:
        base: below.
        changes: on top.
    """

    def __init__(self, base: Weights, changes: Weights) -> None:
        self._base, self._changes = base, changes
        self._changed = set(changes.names())

    def names(self) -> Iterable[str]:
        """See :meth:`Weights.names`."""
        return [*self._base.names(), *(n for n in self._changed if not n.endswith((LOW_A, LOW_B)))]

    def tensor(self, name: str) -> Tensor:
        """See :meth:`Weights.tensor`."""
        w = (self._changes if name in self._changed else self._base).tensor(name)
        if name + LOW_A in self._changed:
            w = w + self._changes.tensor(name + LOW_B) @ self._changes.tensor(name + LOW_A)
        return w

    def blocks_q4_1(self, name: str) -> Tensor | None:
        """See :meth:`Weights.blocks_q4_1`."""
        return None if name in self._changed or name + LOW_A in self._changed else self._base.blocks_q4_1(name)


def huggingface_config(path: Path) -> Config:
    """The shape of a model whose ``config.json`` is of Hugging Face's making.

    Raises:
        MissingPart: there is no such file.
        BadWeights: it is damaged.
        UnknownArchitecture: it is no Llama.
    """
    try:
        c = json.loads(path.read_text("utf-8"))
    except OSError as e:
        raise MissingPart(f"The configuration {path} cannot be read: {e}.") from e
    except ValueError as e:
        raise BadWeights(f"The configuration {path} is damaged: {e}.") from e
    if not isinstance(c, dict) or c.get("model_type") not in ("llama", "mistral"):
        raise UnknownArchitecture(f"{path} describes no Llama.")
    odd = [k for k in ("attention_bias", "mlp_bias", "sliding_window") if c.get(k)]
    rope: Mapping[str, Any] = c.get("rope_parameters") or c.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if odd or c.get("hidden_act", "silu") != "silu" or kind not in ("default", "llama3"):
        raise UnknownArchitecture(f"{path} describes a Llama with {', '.join(odd) or kind or 'another activation'}.")
    try:
        width, heads = c["hidden_size"], c["num_attention_heads"]
        d_head = c.get("head_dim") or width // heads
        base = float(c.get("rope_theta") or rope.get("rope_theta") or 10000.0)
        return Config(
            vocab_size=c["vocab_size"],
            d_model=width,
            n_layers=c["num_hidden_layers"],
            n_heads=heads,
            n_kv_heads=c.get("num_key_value_heads") or heads,
            d_head=d_head,
            d_ff=c["intermediate_size"],
            rope_base=base,
            rope_factors=_llama3_factors(rope, base, d_head) if kind == "llama3" else (),
            norm_eps=c["rms_norm_eps"],
            context=c["max_position_embeddings"],
            tied=bool(c.get("tie_word_embeddings", False)),
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as e:
        raise BadWeights(f"The configuration {path} is damaged: {e!r}.") from e


def _llama3_factors(rope: Mapping[str, Any], base: float, d_head: int) -> tuple[float, ...]:
    """Llama 3's scaling: long waves are stretched by ``factor``, short ones kept, those between blended."""
    import math

    factor, low, high = (float(rope[k]) for k in ("factor", "low_freq_factor", "high_freq_factor"))
    trained = float(rope["original_max_position_embeddings"])
    factors = []
    for i in range(0, d_head, 2):
        wave = 2 * math.pi * base ** (i / d_head)
        smooth = min(1.0, max(0.0, (trained / wave - low) / (high - low)))
        factors.append(1 / ((1 - smooth) / factor + smooth))
    return tuple(factors)
