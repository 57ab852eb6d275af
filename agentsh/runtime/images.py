"""What an image says of itself in its first bytes: type and dimensions. Nothing is decoded, for it may be hostile."""

from __future__ import annotations

from typing import NamedTuple


class ImageHead(NamedTuple):
    """An image's type and its dimensions as its header claims them."""

    type: str
    width: int
    height: int


def image_head(data: bytes) -> ImageHead | None:
    """The header of a PNG, GIF, JPEG, WebP or BMP; None for anything else, or a header that is cut off.

    Args:
        data: the whole content or its beginning.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR" and len(data) >= 24:
        return ImageHead("PNG", _big(data[16:20]), _big(data[20:24]))
    if data.startswith((b"GIF87a", b"GIF89a")) and len(data) >= 10:
        return ImageHead("GIF", _little(data[6:8]), _little(data[8:10]))
    if data.startswith(b"BM") and data[14:18] == b"\x28\0\0\0" and len(data) >= 26:
        height = int.from_bytes(data[22:26], "little", signed=True)  # negative: stored from the top
        return ImageHead("BMP", _little(data[18:22]), abs(height))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP" and len(data) >= 30:
        return _webp(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    return None


def _webp(data: bytes) -> ImageHead | None:
    match data[12:16]:
        case b"VP8X":
            return ImageHead("WebP", 1 + _little(data[24:27]), 1 + _little(data[27:30]))
        case b"VP8L":
            bits = _little(data[21:25])
            return ImageHead("WebP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
        case b"VP8 ":
            return ImageHead("WebP", _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF)
    return None


def _jpeg(data: bytes) -> ImageHead | None:
    """The frame header, behind however many segments: each is skipped by its length, and one has two bytes at least."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return ImageHead("JPEG", _big(data[at + 7 : at + 9]), _big(data[at + 5 : at + 7]))
        at += 2 + max(2, _big(data[at + 2 : at + 4]))
    return None


def _big(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _little(raw: bytes) -> int:
    return int.from_bytes(raw, "little")
