"""A HEIF or AVIF file's boxes: which pictures it holds, where they lie and what they are.

Nothing is decoded, and no more is read than the boxes that describe (see `container`).  Sources:
ISO/IEC 14496-12 (boxes, items, references) and 23008-12 (HEIF).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from nobgd.picture.container import Container, Item
from nobgd.picture.directory import Cut
from nobgd.picture.source import Peek

_AROUND = (b"trak", b"mdia", b"minf", b"stbl")  # around a track's list of samples, in a film
_MOST_BOXES, _MOST_ITEMS, _MOST_META = 4_096, 65_536, 16 << 20  # items: a grid's tiles are some


def survey(peek: Peek, size: int) -> Container:
    """Read the boxes of a file of ``size`` bytes.

    Raises `Cut` where the description itself is not whole, ValueError or `struct.error` where
    it makes no sense.
    """
    found, described, at = Container(), False, 0
    for _ in range(_MOST_BOXES):
        head = peek(at, 16)
        if len(head) < 8:
            break
        length, kind, lead = _length(head, size - at)
        if length < lead:
            break
        found.needs = max(found.needs, at + length)
        if kind in (b"meta", b"moov"):
            if length > _MOST_META:
                raise ValueError(f"a description of {length:,} bytes")
            body = peek(at + lead, length - lead)
            if len(body) < length - lead:
                raise Cut("the file ends inside its description")
            if kind == b"meta":
                _meta(body[4:], found)
                described = True
            else:
                found.frames = max(found.frames, _frames(body))
        found.film = found.film or kind == b"mpvd"
        at += length
        found.boxes_end = min(at, size)
        if at >= size:
            break
    if not described and found.needs > size:
        raise Cut("the file ends before its description")
    found.needs = max((found.needs, *(item.ends for item in found.items.values())))
    return found


def of(data: bytes) -> Container:
    """The same of a file that was read."""
    return survey(lambda at, count: data[at : at + count], len(data))


def _length(head: bytes, rest: int) -> tuple[int, bytes, int]:
    """A box's length, its type, and how long its own head is."""
    length, kind = struct.unpack(">I4s", head[:8])
    if length == 1 and len(head) >= 16:
        return int.from_bytes(head[8:16], "big"), kind, 16
    return (length or rest), kind, 8


def _children(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(body):
        length, kind, lead = _length(body[at : at + 16], len(body) - at)
        if length < lead or at + length > len(body):
            raise ValueError(f"a box {kind!r} reaches beyond the one around it")
        yield kind, body[at + lead : at + length]
        at += length


def _meta(body: bytes, found: Container) -> None:
    boxes = dict(_children(body))
    for name in (b"pitm", b"iinf", b"iprp"):
        if name not in boxes:
            raise ValueError(f"no box {name.decode()} in its description")
    primary = boxes[b"pitm"]
    found.primary = int.from_bytes(primary[4 : 6 if primary[0] == 0 else 8], "big")
    _items(boxes[b"iinf"], found)
    _places(boxes.get(b"iloc", b""), found)
    _references(boxes.get(b"iref", b""), found)
    _properties(boxes[b"iprp"], found)


def _items(body: bytes, found: Container) -> None:
    for kind, entry in _children(body[6 if body[0] == 0 else 8 :]):
        if kind != b"infe" or entry[0] < 2:
            continue
        wide = 4 if entry[0] > 2 else 2
        number = int.from_bytes(entry[4 : 4 + wide], "big")
        found.items[number] = Item(entry[6 + wide : 10 + wide], bool(entry[3] & 1))
        if len(found.items) > _MOST_ITEMS:
            raise ValueError("no picture has so many parts")


class _Reader:
    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def take(self, size: int) -> int:
        self._at += size
        if self._at > len(self._body):
            raise ValueError("a table is shorter than it says")
        return int.from_bytes(self._body[self._at - size : self._at], "big")


def _places(body: bytes, found: Container) -> None:
    """Where items lie (14496-12, 8.11.3)."""
    if not body:
        return
    read = _Reader(body)
    version = read.take(1)
    read.take(3)
    sizes = read.take(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    for _ in range(read.take(wide)):
        item = found.items.get(read.take(wide))
        method = read.take(2) & 15 if version else 0
        read.take(2)
        start = read.take(base)
        for _ in range(read.take(2)):
            if version and index:
                read.take(index)
            at = start + read.take(offset)
            count = read.take(length)
            if item is not None and method == 0 and at + count > item.ends:
                item.ends, item.last = at + count, (at, count)


def _references(body: bytes, found: Container) -> None:
    wide = 4 if body[:1] == b"\1" else 2
    for kind, entry in _children(body[4:]):
        read = _Reader(entry)
        one = read.take(wide)
        found.references.append((kind, one, tuple(read.take(wide) for _ in range(read.take(2)))))


def _properties(body: bytes, found: Container) -> None:
    boxes = list(_children(body))
    known = [each for name, inner in boxes if name == b"ipco" for each in _children(inner)]
    for name, inner in boxes:
        if name != b"ipma":
            continue
        read = _Reader(inner)
        version, wide = read.take(1), read.take(3) & 1
        for _ in range(read.take(4)):
            item = found.items.get(read.take(2 if version == 0 else 4))
            for _ in range(read.take(1)):
                number = read.take(1 + wide) & (0x7FFF if wide else 0x7F)
                if item is not None and 0 < number <= len(known):
                    item.properties.append(known[number - 1])


def _frames(body: bytes, around: tuple[bytes, ...] = _AROUND) -> int:
    """How many samples the longest track has (14496-12, 8.7.3), in boxes that have one order."""
    most = 0
    for kind, inner in _children(body):
        if kind in around[:1]:
            most = max(most, _frames(inner, around[1:]))
        elif kind == b"stsz" and len(inner) >= 12:
            most = max(most, int.from_bytes(inner[8:12], "big"))
    return most
