"""Reading GGUF files: the header as data, tensors on demand. A file is not trusted: every length is checked.

The ``gguf`` package reads headers too, in seconds for a vocabulary of ordinary size; it is used here for the number
formats that are not common.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentsh_models.errors import BadWeights, MissingPart, UnknownArchitecture

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

_MAGIC = 0x46554747
_MOST_FIELDS = 4096
_MOST_TENSORS = 1 << 16
_MOST_DIMENSIONS = 4
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

F32, F16, Q4_0, Q4_1, Q8_0, BF16 = 0, 1, 2, 3, 8, 30
_BLOCKS = {F32: (1, 4), F16: (1, 2), Q4_0: (32, 18), Q4_1: (32, 20), Q8_0: (32, 34), BF16: (1, 2)}


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Where a tensor is.

    Attributes:
        shape: outermost dimension first, as PyTorch has it.
        kind: GGML's number of the format.
        start: byte of the file.
        size: bytes.
    """

    shape: tuple[int, ...]
    kind: int
    start: int
    size: int


class GgufFile:
    """An open GGUF file.

    Args:
        path: the file.

    Attributes:
        metadata: the header's fields; arrays are lists.
        tensors: what the file holds, by name.

    Raises:
        MissingPart: there is no such file.
        BadWeights: it is not a GGUF file, or is truncated or damaged.
        UnknownArchitecture: it uses a number format that is not known.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as f:
                # A private mapping, so that PyTorch takes it without complaint; nothing writes to it.
                self._map = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError) as e:
            raise MissingPart(f"The weights file {path} cannot be read: {e}.") from e
        self._at = 0
        self.metadata: dict[str, Any] = {}
        self.tensors: dict[str, TensorInfo] = {}
        try:
            self._read_header()
        except (struct.error, UnicodeDecodeError, RecursionError, OverflowError) as e:
            raise BadWeights(f"The weights file {path} is damaged: its header cannot be read ({e}).") from e

    def raw(self, name: str) -> Tensor:
        """A tensor's bytes as they are in the file, uint8; they are read when they are used."""
        import torch

        info = self.tensors[name]
        return torch.frombuffer(self._map, dtype=torch.uint8, count=info.size, offset=info.start)

    def tensor(self, name: str) -> Tensor:
        """A tensor in float32.

        Raises:
            BadWeights: there is no such tensor.
        """
        import torch

        if name not in self.tensors:
            raise BadWeights(f"The weights file {self.path} has no tensor '{name}'.")
        info, raw = self.tensors[name], self.raw(name)
        match info.kind:
            case k if k == F32:
                flat = raw.clone().view(torch.float32)
            case k if k == F16:
                flat = raw.clone().view(torch.float16).float()
            case k if k == BF16:
                flat = raw.clone().view(torch.bfloat16).float()
            case k if k == Q4_1:
                scale, least, q = split_q4_1(raw)
                flat = q.float() * scale.float() + least.float()
            case k if k == Q8_0:
                scale, q = split_q8_0(raw)
                flat = q.float() * scale.float()
            case _:
                flat = self._dequantise(info, raw)
        return flat.reshape(info.shape)

    def _dequantise(self, info: TensorInfo, raw: Tensor) -> Tensor:
        import torch
        from gguf import GGMLQuantizationType, quants

        kind = GGMLQuantizationType(info.kind)
        try:
            wide = quants.dequantize(raw.numpy().reshape(*info.shape[:-1], -1), kind)
        except NotImplementedError as e:
            raise UnknownArchitecture(f"The weights file {self.path} uses the number format {kind.name}.") from e
        return torch.from_numpy(wide)

    def _read_header(self) -> None:
        magic, version, tensors, fields = self._take("IIQQ")
        if magic != _MAGIC or version not in (2, 3):
            raise BadWeights(f"{self.path} is not a GGUF file of a known version.")
        if fields > _MOST_FIELDS or tensors > _MOST_TENSORS:
            raise BadWeights(f"The weights file {self.path} is damaged: it claims {fields} fields, {tensors} tensors.")
        for _ in range(fields):
            name = self._string()
            (kind,) = self._take("I")
            self.metadata[name] = self._value(kind)
        found = []
        for _ in range(tensors):
            name = self._string()
            (dimensions,) = self._take("I")
            if dimensions > _MOST_DIMENSIONS:
                raise BadWeights(f"The weights file {self.path} is damaged: a tensor of {dimensions} dimensions.")
            shape = self._take("Q" * dimensions)[::-1]
            found.append((name, shape, *self._take("IQ")))
        alignment = self.metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1:
            raise BadWeights(f"The weights file {self.path} is damaged: alignment {alignment!r}.")
        data = -(-self._at // alignment) * alignment
        for name, shape, kind, offset in found:
            self.tensors[name] = info = TensorInfo(shape, kind, data + offset, self._size(kind, shape))
            if info.start + info.size > len(self._map):
                raise BadWeights(f"The weights file {self.path} is truncated: tensor '{name}' ends after the file.")

    def _size(self, kind: int, shape: tuple[int, ...]) -> int:
        many, size = _BLOCKS.get(kind, (0, 0))
        if not many:
            from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

            try:
                many, size = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
            except (ValueError, KeyError) as e:
                raise UnknownArchitecture(f"The weights file {self.path} uses the number format {kind}.") from e
        numbers = 1
        for n in shape:
            numbers *= n
        if not shape or shape[-1] % many:
            raise BadWeights(f"The weights file {self.path} is damaged: a tensor's rows are no whole blocks.")
        return numbers // many * size

    def _take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self._map, self._at)
        self._at += struct.calcsize("<" + form)
        return values

    def _string(self) -> str:
        (n,) = self._take("Q")
        if n > len(self._map) - self._at:
            raise BadWeights(f"The weights file {self.path} is truncated or damaged: a text is longer than the file.")
        text = self._map[self._at : self._at + n].decode("utf-8")
        self._at += n
        return text

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind in _SCALARS:
            return self._take(_SCALARS[kind])[0]
        if kind != _ARRAY:
            raise BadWeights(f"The weights file {self.path} is damaged: a field of the unknown kind {kind}.")
        inner, n = self._take("IQ")
        if n > len(self._map) - self._at:  # an element has at least a byte
            raise BadWeights(f"The weights file {self.path} is truncated or damaged: a list is longer than the file.")
        if inner in _SCALARS:
            return list(self._take(f"{n}{_SCALARS[inner]}"))
        return [self._value(inner) for _ in range(n)]


def split_q4_1(raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Blocks of Q4_1: scales and least values (n, 1) in float16, and 0..15 (n, 32) in uint8."""
    import torch

    blocks = raw.view(-1, 20)
    scales = blocks[:, :4].contiguous().view(torch.float16)
    q = blocks[:, 4:]
    return scales[:, :1], scales[:, 1:], torch.cat((q & 15, q >> 4), dim=1)


def split_q8_0(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Blocks of Q8_0: scales (n, 1) in float16, and -128..127 (n, 32) in int8."""
    import torch

    blocks = raw.view(-1, 34)
    return blocks[:, :2].contiguous().view(torch.float16), blocks[:, 2:].contiguous().view(torch.int8)
