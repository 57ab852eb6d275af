"""Headers of images, whole and cut off; the dimensions are what the header claims."""

from __future__ import annotations

import struct

import pytest

from agentsh.runtime.images import ImageHead, image_head

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", 640, 480)
GIF = b"GIF89a" + struct.pack("<HH", 12, 34)
BMP = b"BM" + bytes(12) + struct.pack("<Iii", 40, 12, -34)
JPEG = b"\xff\xd8\xff\xe0\x00\x10" + bytes(14) + b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 34, 12)
VP8X = b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + (11).to_bytes(3, "little") + (33).to_bytes(3, "little")
VP8L = b"RIFF\0\0\0\0WEBPVP8L" + bytes(4) + b"\x2f" + (11 | 33 << 14).to_bytes(4, "little") + bytes(5)
VP8 = b"RIFF\0\0\0\0WEBPVP8 " + bytes(7) + b"\x9d\x01\x2a" + struct.pack("<HH", 12, 34)


@pytest.mark.parametrize(
    ("data", "head"),
    [
        (PNG, ImageHead("PNG", 640, 480)),
        (GIF, ImageHead("GIF", 12, 34)),
        (BMP, ImageHead("BMP", 12, 34)),
        (JPEG, ImageHead("JPEG", 12, 34)),
        (VP8X, ImageHead("WebP", 12, 34)),
        (VP8L, ImageHead("WebP", 12, 34)),
        (VP8, ImageHead("WebP", 12, 34)),
        (b"\x7fELF" + bytes(40), None),
        (b"", None),
    ],
)
def test_a_header_tells_type_and_dimensions(data: bytes, head: ImageHead | None) -> None:
    assert image_head(data) == head


@pytest.mark.parametrize("data", [PNG, GIF, BMP, JPEG, VP8X, VP8L, VP8])
def test_a_header_that_is_cut_off_is_none_or_the_same(data: bytes) -> None:
    whole = image_head(data)
    assert all(image_head(data[:n]) in (None, whole) for n in range(len(data)))


def test_a_jpeg_without_end_is_left() -> None:
    assert image_head(b"\xff\xd8" + b"\xff" * 1_000_000) is None
    assert image_head(b"\xff\xd8" + b"\xff\xe0\0\0" * 100_000) is None
