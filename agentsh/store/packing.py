"""How content is named, and packed into a row."""

from __future__ import annotations

PIECE = 4 * 1024 * 1024
"""Bytes of content in a piece; smaller content is one blob."""

PLAIN, ZSTD, PIECES = 0, 1, 2
"""How the data of a row is packed: not at all, by zstd, as the list of pieces that it is made of."""

_WORTH_PACKING = 128  # bytes; a row's own overhead is about that


def digest_of(data: bytes) -> bytes:
    """BLAKE3 of ``data``, 32 bytes."""
    from blake3 import blake3  # noqa: PLC0415 - 9 ms, not needed to open a store

    return blake3(data).digest()


def packed(data: bytes) -> tuple[int, bytes]:
    """The codec to keep ``data`` with, and what it makes of it."""
    if len(data) < _WORTH_PACKING:
        return PLAIN, data
    from zstandard import ZstdCompressor  # noqa: PLC0415 - 12 ms, not needed to open a store

    smaller = ZstdCompressor(level=1, write_checksum=False).compress(data)
    return (ZSTD, smaller) if len(smaller) < len(data) else (PLAIN, data)


def unpacked(codec: int, data: bytes) -> bytes | None:
    """What :func:`packed` was given; None when it cannot be that."""
    if codec == PLAIN:
        return data
    if codec != ZSTD:
        return None
    from zstandard import ZstdDecompressor, ZstdError  # noqa: PLC0415

    try:
        return ZstdDecompressor().decompress(data, max_output_size=PIECE)
    except ZstdError:
        return None
