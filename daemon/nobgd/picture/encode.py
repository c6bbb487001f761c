"""RGBA and metadata to a complete PNG file, in parts."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

from isal import isal_zlib

from nobgd.picture.deep import Cut
from nobgd.picture.deflate import METHODS, stream
from nobgd.picture.provenance import SIGNATURE, frame

_CHUNK_BYTES = 1 << 18
_KINDS = {1: 0, 3: 2, 4: 6}  # channels: colour type
_REST = bytes(3)  # deflate, five filters, not interlaced
_METRES_PER_INCH = 0.0254


def encode(
    rgba: Cut,
    *,
    icc: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    exif: bytes | None = None,
    spoken: Mapping[bytes, bytes] | None = None,
    extra: Sequence[bytes] = (),
    compression: str = "fast",
    threads: int = 1,
) -> list[bytes | memoryview]:
    """Encode (H, W, 4) contiguous RGBA as PNG; the file is the parts in their order.

    (H, W, 3) is RGB and (H, W, 1) grey.  It is uint8, or big-endian and of 16 bits, as
    `deep.joined` makes it.

    ``icc`` is an RGB profile, ``exif`` a TIFF block, ``spoken`` the bodies of chunks that speak
    of colour (see `png_colour`), ``extra`` complete chunks that follow IHDR.  ``compression`` is
    a key of `deflate.METHODS`, and ``KeyError`` if it is not.
    """
    height, width = rgba.shape[:2]
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    head = size + bytes([8 * rgba.itemsize, _KINDS[rgba.shape[2]]]) + _REST
    parts: list[bytes | memoryview] = [SIGNATURE, frame(b"IHDR", head), *extra]
    parts += [frame(kind, body) for kind, body in (spoken or {}).items()]
    if icc:
        parts.append(frame(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
    if dpi:
        dots = b"".join(round(each / _METRES_PER_INCH).to_bytes(4, "big") for each in dpi)
        parts.append(frame(b"pHYs", dots + b"\1"))
    if exif:
        parts.append(frame(b"eXIf", exif))
    pending: list[bytes] = []
    for piece in stream(rgba, METHODS[compression], threads):
        pending.append(piece)
        if sum(map(len, pending)) >= _CHUNK_BYTES:
            parts += _pixel_chunk(pending)
            pending = []
    return [*parts, *_pixel_chunk(pending), frame(b"IEND", b"")]


def _pixel_chunk(pieces: list[bytes]) -> list[bytes]:
    """One IDAT chunk, its pieces not copied; ISA-L's CRC-32 is 15 times as fast as zlib's."""
    crc = isal_zlib.crc32(b"IDAT")
    for piece in pieces:
        crc = isal_zlib.crc32(piece, crc)
    head = sum(map(len, pieces)).to_bytes(4, "big") + b"IDAT"
    return [head, *pieces, crc.to_bytes(4, "big")]
