"""A WebP's note: its XMP chunk, right behind the first one so that a few kilobytes tell it.

Metadata need not follow the pixels: "Metadata and unknown chunks MAY appear out of order" (RFC
9649, 2.7.1).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import BinaryIO

from nobgd.picture import xmp

_BLOCK = 1 << 20
_HEAD = 12 + 18  # RIFF's header and the VP8X chunk
_ICC, _ALPHA, _EXIF, _XMP = 0x20, 0x10, 0x08, 0x04  # flags of VP8X


def is_webp(head: bytes) -> bool:
    """Whether these are the first bytes of a WebP."""
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def wrapped(
    size: tuple[int, int], pixels: Sequence[bytes], text: bytes, *, alpha: bool,
    icc: bytes | None = None, exif: bytes | None = None,
) -> list[bytes | memoryview]:  # fmt: skip
    """The whole file of complete chunks with ``pixels`` (ALPH and VP8, or VP8L) and a note."""
    flags = _XMP | (_ALPHA if alpha else 0) | (_ICC if icc else 0) | (_EXIF if exif else 0)
    width, height = ((side - 1).to_bytes(3, "little") for side in size)
    extended = chunk(b"VP8X", bytes([flags, 0, 0, 0]) + width + height)
    rest = [
        *([chunk(b"ICCP", icc)] if icc else []),
        *pixels,
        *([chunk(b"EXIF", exif)] if exif else []),
    ]
    length, crc = len(extended), zlib.crc32(extended)
    for part in rest:
        length, crc = length + len(part), zlib.crc32(part, crc)
    note = chunk(b"XMP ", xmp.packet(text, (length, crc)))
    head = b"RIFF" + (4 + length + len(note)).to_bytes(4, "little") + b"WEBP"
    return [head, extended, note, *rest]


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk, filled up to an even length."""
    return kind + len(body).to_bytes(4, "little") + body + bytes(len(body) & 1)


def chunks(data: bytes) -> dict[bytes, bytes]:
    """The complete chunks of a still WebP by their kind."""
    found, at = {}, 12
    while at + 8 <= len(data):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        end += end & 1
        found[data[at : at + 4]] = data[at:end]
        at = end
    return found


def place(head: bytes) -> tuple[int, int] | None:
    """Where the note's chunk is: its begin and end."""
    if head[12:16] != b"VP8X" or head[_HEAD : _HEAD + 4] != b"XMP ":
        return None
    end = _HEAD + 8 + int.from_bytes(head[_HEAD + 4 : _HEAD + 8], "little")
    if end & 1:
        if head[end : end + 1] != b"\0":  # what fills up is of no sum
            return None
        end += 1
    return (_HEAD, end) if end <= len(head) else None


def said(head: bytes) -> tuple[bytes, tuple[int, int]] | None:
    """The note's text and what it says of the rest; None where there is none of ours."""
    found = place(head)
    if found is None:
        return None
    length = int.from_bytes(head[_HEAD + 4 : _HEAD + 8], "little")
    return xmp.read(head[_HEAD + 8 : _HEAD + 8 + length])


def whole(stream: BinaryIO, head_bytes: int) -> bool:
    """Whether the WebP at the start of ``stream`` is what it was when it was written."""
    head = stream.read(head_bytes)
    found, told = place(head), said(head)
    if found is None or told is None:
        return False
    crc = zlib.crc32(head[found[1] :], zlib.crc32(head[12 : found[0]]))
    length = len(head) - 12 - (found[1] - found[0])
    while block := stream.read(_BLOCK):
        crc, length = zlib.crc32(block, crc), length + len(block)
    size = int.from_bytes(head[4:8], "little")
    return (length, crc) == told[1] and size == 4 + length + found[1] - found[0]


def exchanged(data: bytes, text: bytes) -> list[bytes | memoryview] | None:
    """The same file with another note; None where it has none."""
    found, told = place(data), said(data)
    if found is None or told is None:
        return None
    note = chunk(b"XMP ", xmp.packet(text, told[1]))
    size = len(data) - 8 - (found[1] - found[0]) + len(note)
    view = memoryview(data)
    head = b"RIFF" + size.to_bytes(4, "little")
    return [head, view[8 : found[0]], note, view[found[1] :]]


def size(head: bytes) -> tuple[int, int]:
    """Width and height of one that has a VP8X chunk first."""
    width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
    return width, height
