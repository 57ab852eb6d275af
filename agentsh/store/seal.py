"""Content that is encrypted in the file (ChaCha20-Poly1305, RFC 8439); the key is elsewhere.

A sealed content's row has the sealed bytes as its data and beside them its seal: a checksum, the nonce, the name of the
key. The checksum covers all of the row, so that damage is told from health without the key; that nobody altered it is
told by the cipher, and by the digest of what it gives.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from agentsh.core.errors import SealedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SUM, _NONCE = 16, 12


class Keys(Protocol):
    """Where keys are kept."""

    def __call__(self, name: str, *, make: bool) -> bytes:
        """The key of this name, 32 bytes.

        Args:
            name: of the key.
            make: one is made where there is none.

        Raises:
            SealedError: it cannot be had.
        """


@dataclass(frozen=True, slots=True)
class Seals:
    """How a store seals.

    Attributes:
        keys: where its keys are.
        name: of the key for what is sealed from now on.
        paths: which paths' content is; None: of no path. What is sealed can be read all the same.
    """

    keys: Keys
    name: str
    paths: Callable[[bytes], bool] | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """A content as a row has it.

    Attributes:
        digest: BLAKE3 of the content.
        size: bytes of it.
        codec: how it is packed, inside the seal where there is one.
        data: packed, and sealed where there is a seal.
        seal: None for what is not sealed.
    """

    digest: bytes
    size: int
    codec: int
    data: bytes
    seal: bytes | None = None


def close(content: Packed, key: bytes, name: str) -> Packed:
    """Seal a content."""
    nonce = os.urandom(_NONCE)
    data: bytes = _cipher(key).encrypt(nonce, content.data, content.digest)
    rest = nonce + name.encode("ascii")
    checksum = _checksum(content.digest, content.size, content.codec, rest, data)
    return Packed(content.digest, content.size, content.codec, data, checksum + rest)


def is_whole(content: Packed) -> bool:
    """Whether a sealed content's row is as it was written, as far as a checksum tells."""
    seal = content.seal or b""
    rest = seal[_SUM:]
    return seal[:_SUM] == _checksum(content.digest, content.size, content.codec, rest, content.data)


def open_sealed(content: Packed, seals: Seals | None) -> bytes | None:
    """The packed bytes of a sealed content; None when what is there is damaged.

    Raises:
        SealedError: its key cannot be had, or is another one.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - heavy

    seal = content.seal or b""
    whole = is_whole(content)
    name = ""
    try:
        name = name_in(seal)
        key = key_of(seals, name)
        data: bytes = _cipher(key).decrypt(seal[_SUM : _SUM + _NONCE], content.data, content.digest)
    except (InvalidTag, ValueError, SealedError) as e:
        if not whole:
            return None  # not even the key would help
        if isinstance(e, SealedError):
            raise
        raise SealedError(
            f"The keyring's key of sealed files ({name}) is not the one that they were sealed with.",
            next_step="Put back the keyring's entry as it was; 'agentsh check' says how many contents need it.",
        ) from e
    return data


def key_of(seals: Seals | None, name: str = "", *, make: bool = False) -> bytes:
    """A key.

    Args:
        seals: where it is.
        name: of the key; that for new content by default.
        make: one is made where there is none.

    Raises:
        SealedError: it cannot be had.
    """
    if seals is None:
        raise SealedError("The content is sealed, and no keys were given to open it.")
    return seals.keys(name or seals.name, make=make)


def name_in(seal: bytes) -> str:
    """The name of the key in a seal.

    Raises:
        ValueError: the seal is damaged.
    """
    return seal[_SUM + _NONCE :].decode("ascii")


def mended(content: Packed, digests: Iterable[bytes], codecs: Iterable[int]) -> Packed | None:
    """A sealed content's row with one wrong number put right, as its checksum proves; None when that is not enough."""
    sizes = [content.size] if not isinstance(content.size, int) else [content.size ^ (1 << n) for n in range(40)]
    tries = [
        Packed(digest, size, codec, content.data, content.seal)
        for digest in digests
        for codec in codecs
        for size in (content.size, *sizes)
    ]
    part = _hash(content.data)
    seal = content.seal or b""
    for one in tries:
        sound = isinstance(one.size, int) and one.size >= 0
        if sound and _combined(one.digest, one.size, one.codec, seal[_SUM:], part) == seal[:_SUM]:
            return one
    return None


def _checksum(digest: bytes, size: int, codec: int, rest: bytes, data: bytes) -> bytes:
    return _combined(digest, size, codec, rest, _hash(data))


def _combined(digest: bytes, size: int, codec: int, rest: bytes, data_hash: bytes) -> bytes:
    return _hash(b"%b %d %d %b" % (digest, size, codec, rest) + data_hash)[:_SUM]


def _hash(data: bytes) -> bytes:
    from blake3 import blake3  # noqa: PLC0415 - as in agentsh.store.blobs

    return blake3(data).digest()


def _cipher(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415 - heavy

    return ChaCha20Poly1305(key)
