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
_GPS, _MAKER_NOTE = 0x8825, 0x927C
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
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


def without_location(block: bytes) -> bytes | None:
    """The block without GPS, and without the maker's note, which may name a place.

    Their bytes become zeros, so that nothing of them is left in the file; None if it is damaged.
    """
    out = bytearray(block)
    try:
        order, first = _head(out)
        if (gps := _value(out, first, order, _GPS)) is not None:
            for _, kind, count, entry in _entries(out, gps, order):
                _blank(out, order, kind, count, entry)
            (number,) = struct.unpack_from(order + "H", out, gps)
            end = gps + 2 + 12 * number
            out[gps:end] = bytes(end - gps)
            _drop(out, first, order, _GPS)
        if (inner := _value(out, first, order, _EXIF)) is not None:
            for tag, kind, count, entry in _entries(out, inner, order):
                if tag == _MAKER_NOTE:
                    _blank(out, order, kind, count, entry)
            _drop(out, inner, order, _MAKER_NOTE)
    except (KeyError, struct.error):
        return None
    return bytes(out)


def sized(block: bytes, width: int, height: int) -> bytes | None:
    """The block with the size of the picture that it is of now, where it tells one."""
    out = bytearray(block)
    try:
        order, first = _head(out)
        inner = _value(out, first, order, _EXIF)
        for at in (first, inner):
            for tag, kind, count, entry in _entries(out, at, order) if at is not None else ():
                side = {0x0100: width, 0xA002: width, 0x0101: height, 0xA003: height}.get(tag)
                if side is not None and count == 1 and kind in (3, 4):
                    if kind == 3 and side > 0xFFFF:  # an unsigned whole number has room for both
                        struct.pack_into(order + "H", out, entry + 2, 4)
                        kind = 4
                    struct.pack_into(order + ("H" if kind == 3 else "I"), out, entry + 8, side)
    except (KeyError, struct.error):
        return None
    return bytes(out)


def _blank(block: bytearray, order: str, kind: int, count: int, entry: int) -> None:
    """Zeros for what an entry points at, and for the entry's own value."""
    size = _BYTES.get(kind, 1) * count
    if size > 4:
        (start,) = struct.unpack_from(order + "I", block, entry + 8)
        end = min(start + size, len(block))
        if start < end:
            block[start:end] = bytes(end - start)
    block[entry + 8 : entry + 12] = bytes(4)


def _drop(block: bytearray, at: int, order: str, wanted: int) -> None:
    """Take the entries of a tag out of a directory: the ones behind move up, and its link too."""
    (number,) = struct.unpack_from(order + "H", block, at)
    kept = [
        bytes(block[entry : entry + 12])
        for tag, _, _, entry in _entries(block, at, order)
        if tag != wanted
    ]
    end = at + 2 + 12 * number
    link = bytes(block[end : end + 4])
    new = struct.pack(order + "H", len(kept)) + b"".join(kept) + link
    block[at : end + 4] = new + bytes(end + 4 - at - len(new))


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
