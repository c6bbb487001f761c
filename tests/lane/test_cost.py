"""What photos of each kind are reckoned to take of memory."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from nobgd.lane import cost
from nobgd.picture import decode


def saved(kind: str, mode: str) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, (1000, 500)).save(stream, kind)
    return stream.getvalue()


def deep() -> bytes:
    """A PNG of 16 bits and four channels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", 1000, 500, 16, 6, 0, 0, 0)
    pixels = zlib.compress(bytes(500 * (1 + 8 * 1000)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*each) for each in ((b"IHDR", head), (b"IDAT", pixels), (b"IEND", b""))
    )


@pytest.mark.parametrize(
    ("data", "megapixels"),
    [
        (saved("JPEG", "RGB"), 0.5),
        (saved("JPEG", "CMYK"), 0.5625),
        (saved("PNG", "RGBA"), 0.5),
        (deep(), 0.9375),
        (saved("WEBP", "RGB"), 0.625),
        (saved("TIFF", "CMYK"), 0.875),
    ],
    ids=["jpeg", "inks", "png", "deep", "webp", "tiff"],
)
def test_the_worst_of_its_kind(data: bytes, megapixels: float) -> None:
    """None counts for less than it has."""
    assert cost.megapixels(decode.look(data), data) == megapixels
