"""EXIF for an output: the same block, upright, without the thumbnail of what was cut away.

The block is patched in place instead of written anew: makers' notes hold offsets into it.
Source: Exif 2.32 (CIPA DC-008), 4.5 and 4.6; DCF 2.0 (CIPA DC-009), 4.4.4 on colour spaces.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_ORIENTATION = 0x0112
_THUMBNAIL_AT = 0x0201
_THUMBNAIL_BYTES = 0x0202
_EXIF, _INTEROPERABILITY = 0x8769, 0xA005
_COLOUR_SPACE, _INDEX = 0xA001, 0x0001
_ADOBE_RGB, _UNCALIBRATED = 2, 0xFFFF  # the first is no standard's, and cameras write it
# what belongs to an axis: image size, resolution; pixel size, resolution of the sensor
_AXES = {0x0100: 0x0101, 0x011A: 0x011B, 0xA002: 0xA003, 0xA20E: 0xA20F}

Block = bytes | bytearray
Entry = tuple[int, int, int, int]  # tag, type, count, where the entry begins


def neutral(exif: bytes, turned: bool = False) -> bytes | None:
    """The TIFF block of ``exif`` with orientation 1 and no thumbnail; None if it is damaged.

    The six bytes that JPEG puts before it are taken off: PNG's eXIf chunk has none.  Where the
    picture was ``turned``, rows having become columns, sizes and resolutions change their axes.
    """
    block = bytearray(exif.removeprefix(b"Exif\0\0"))
    try:
        order, first = _head(block)
        link = _upright(block, first, order)
        if turned:
            _exchange(block, first, order)
            if inner := _value(block, first, order, _EXIF):
                _exchange(block, inner, order)
        (second,) = struct.unpack_from(order + "I", block, link)
        if second:
            _forget_thumbnail(block, second, order)
            struct.pack_into(order + "I", block, link, 0)
    except (KeyError, struct.error):
        return None
    return bytes(block)


def says_adobe_rgb(exif: bytes) -> bool:
    """Whether the colours are Adobe RGB's, as cameras say it: no profile, but index "R03".

    ``exif`` is the block, or a whole TIFF, which is one.
    """
    block = exif.removeprefix(b"Exif\0\0")
    try:
        order, first = _head(block)
        inner = _value(block, first, order, _EXIF)
        space = _value(block, inner, order, _COLOUR_SPACE) if inner else None
        if space == _ADOBE_RGB:
            return True
        if space != _UNCALIBRATED or inner is None:
            return False
        index = _value(block, inner, order, _INTEROPERABILITY)
        if not index:
            return False
        return any(
            tag == _INDEX and block[at + 8 : at + 11] == b"R03"
            for tag, _, _, at in _entries(block, index, order)
        )
    except (KeyError, struct.error):
        return False


def _head(block: Block) -> tuple[str, int]:
    """Byte order and the first directory's place; raises KeyError or `struct.error`."""
    order = {b"II": "<", b"MM": ">"}[bytes(block[:2])]
    magic, first = struct.unpack_from(order + "HI", block, 2)
    if magic != 42:
        raise KeyError("no TIFF block")
    return order, int(first)


def _entries(block: Block, at: int, order: str) -> Iterator[Entry]:
    (number,) = struct.unpack_from(order + "H", block, at)
    for entry in range(at + 2, at + 2 + 12 * number, 12):
        tag, kind, count = struct.unpack_from(order + "HHI", block, entry)
        yield tag, kind, count, entry


def _value(block: Block, at: int, order: str, wanted: int) -> int | None:
    """The one whole number of a tag, which lies in its entry; None where there is none."""
    for tag, kind, _, entry in _entries(block, at, order):
        if tag == wanted and kind in (3, 4, 13):
            number: int = struct.unpack_from(order + ("H" if kind == 3 else "I"), block, entry + 8)[
                0
            ]
            return number
    return None


def _upright(block: bytearray, at: int, order: str) -> int:
    """Set the orientation of the directory at ``at`` to 1; where its link to the next is."""
    end = at + 2
    for tag, kind, _, entry in _entries(block, at, order):
        if tag == _ORIENTATION:
            struct.pack_into(order + ("I" if kind == 4 else "H"), block, entry + 8, 1)
        end = entry + 12
    return end


def _exchange(block: bytearray, at: int, order: str) -> None:
    """Give what belongs to rows to columns and the other way round."""
    where = {tag: entry for tag, _, _, entry in _entries(block, at, order)}
    for one, other in _AXES.items():
        if one in where and other in where:
            a, b = (slice(where[tag] + 2, where[tag] + 12) for tag in (one, other))
            block[a], block[b] = block[b], block[a]


def _forget_thumbnail(block: bytearray, at: int, order: str) -> None:
    place: dict[int, int] = {}
    for tag, _, _, entry in _entries(block, at, order):
        (place[tag],) = struct.unpack_from(order + "I", block, entry + 8)
    start = place.get(_THUMBNAIL_AT, len(block))
    end = min(start + place.get(_THUMBNAIL_BYTES, 0), len(block))
    if start < end:
        block[start:end] = bytes(end - start)
        if len(block) - end < 16:
            del block[start:]
