"""A JPEG's note: an APP1 segment with XMP, the first after the JFIF header."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import BinaryIO

from nobgd.picture import xmp

MAGIC = b"\xff\xd8\xff"
_NAME = b"http://ns.adobe.com/xap/1.0/\0"
_BLOCK = 1 << 20
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # ITU-T T.81, table B.1


def segment(marker: int, body: bytes) -> bytes:
    """One marker segment; ValueError for a body that no segment holds (65,533 bytes)."""
    if len(body) > 65_533:
        raise ValueError("too long for a JPEG segment")
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def wrapped(
    head: bytes, rest: Sequence[bytes | memoryview], text: bytes
) -> list[bytes | memoryview]:
    """``head`` (start of image and JFIF header), the note, ``rest``: the whole file."""
    length, crc = len(head), zlib.crc32(head)
    for part in rest:
        length, crc = length + len(part), zlib.crc32(part, crc)
    return [head, segment(0xE1, _NAME + xmp.packet(text, (length, crc))), *rest]


def place(head: bytes) -> tuple[int, int] | None:
    """Where the note's segment is in the first bytes of a JPEG: its begin and end."""
    at = 2
    while head[at : at + 1] == b"\xff" and head[at + 1 : at + 2] in (b"\xe0", b"\xe1"):
        end = at + 2 + int.from_bytes(head[at + 2 : at + 4], "big")
        if head[at + 1] == 0xE1 and head[at + 4 : at + 4 + len(_NAME)] == _NAME:
            return (at, end) if end <= len(head) else None
        at = end
    return None


def said(head: bytes) -> tuple[bytes, tuple[int, int]] | None:
    """The note's text and what it says of the rest; None where there is none of ours."""
    found = place(head)
    return None if found is None else xmp.read(head[found[0] + 4 + len(_NAME) : found[1]])


def whole(stream: BinaryIO, head_bytes: int) -> bool:
    """Whether the JPEG at the start of ``stream`` is what it was when it was written."""
    head = stream.read(head_bytes)
    found, told = place(head), said(head)
    if found is None or told is None:
        return False
    crc = zlib.crc32(head[found[1] :], zlib.crc32(head[: found[0]]))
    length = len(head) - (found[1] - found[0])
    while block := stream.read(_BLOCK):
        crc, length = zlib.crc32(block, crc), length + len(block)
    return (length, crc) == told[1]


def exchanged(data: bytes, text: bytes) -> list[bytes | memoryview] | None:
    """The same file with another note; None where it has none."""
    found, told = place(data), said(data)
    if found is None or told is None:
        return None
    view = memoryview(data)
    note = segment(0xE1, _NAME + xmp.packet(text, told[1]))
    return [view[: found[0]], note, view[found[1] :]]


def size(stream: BinaryIO) -> tuple[int, int]:
    """Width and height, from the frame's header; (0, 0) where there is none."""
    stream.seek(2)
    while len(mark := stream.read(4)) == 4 and mark[0] == 0xFF:
        if mark[1] in _FRAMES:
            frame = stream.read(5)
            return int.from_bytes(frame[3:5], "big"), int.from_bytes(frame[1:3], "big")
        stream.seek(int.from_bytes(mark[2:], "big") - 2, 1)
    return 0, 0
