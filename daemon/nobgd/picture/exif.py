"""EXIF for an output: the same block, upright, without the thumbnail of what was cut away.

The block is patched in place instead of written anew: makers' notes hold offsets into it.
Source: Exif 2.32 (CIPA DC-008), 4.5 and 4.6.
"""

from __future__ import annotations

import struct

_ORIENTATION = 0x0112
_THUMBNAIL_AT = 0x0201
_THUMBNAIL_BYTES = 0x0202


def neutral(exif: bytes) -> bytes | None:
    """The TIFF block of ``exif`` with orientation 1 and no thumbnail; None if it is damaged.

    The six bytes that JPEG puts before it are taken off: PNG's eXIf chunk has none.
    """
    block = bytearray(exif.removeprefix(b"Exif\0\0"))
    try:
        order = {b"II": "<", b"MM": ">"}[bytes(block[:2])]
        magic, first = struct.unpack_from(order + "HI", block, 2)
        if magic != 42:
            return None
        link = _upright(block, first, order)
        (second,) = struct.unpack_from(order + "I", block, link)
        if second:
            _forget_thumbnail(block, second, order)
            struct.pack_into(order + "I", block, link, 0)
    except (KeyError, struct.error):
        return None
    return bytes(block)


def _upright(block: bytearray, at: int, order: str) -> int:
    """Set the orientation of the directory at ``at`` to 1; where its link to the next is."""
    count: int = struct.unpack_from(order + "H", block, at)[0]
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", block, entry)
        if tag == _ORIENTATION:
            struct.pack_into(order + ("I" if kind == 4 else "H"), block, entry + 8, 1)
    return at + 2 + 12 * count


def _forget_thumbnail(block: bytearray, at: int, order: str) -> None:
    (count,) = struct.unpack_from(order + "H", block, at)
    place: dict[int, int] = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, _, _, value = struct.unpack_from(order + "HHII", block, entry)
        place[tag] = value
    start = place.get(_THUMBNAIL_AT, len(block))
    end = min(start + place.get(_THUMBNAIL_BYTES, 0), len(block))
    if start < end:
        block[start:end] = bytes(end - start)
        if len(block) - end < 16:
            del block[start:]
