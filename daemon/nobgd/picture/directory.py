"""A TIFF's directories: which tags it has and what their values are, in every byte order.

Classic and BigTIFF alike.  Nothing is believed beyond the bytes that are there: a value that
lies past the end is one that has not arrived.  Source: TIFF 6.0, section 2; the BigTIFF design.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_BLOCKS = 1_000_000  # strips or tiles; more take longer to list than a photo to decode
_MOST_DIRECTORIES = 64
_DNG_VERSION = 50706
_PHOTOMETRIC, _SENSOR = 262, (32803, 34892)  # samples of a sensor, behind its filters or without
_SUB_DIRECTORIES, _MOST_BELOW = 330, 8  # TIFF Technical Note 1
_SUBFILE_TYPE, _OLD_SUBFILE_TYPE = 254, 255
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType: a smaller version of another page, its mask
_WHOLE = {
    1: "u1",
    3: "u2",
    4: "u4",
    6: "i1",
    8: "i2",
    9: "i4",
    13: "u4",
    16: "u8",
    17: "i8",
    18: "u8",
}
_PLAIN = {**_WHOLE, 2: "u1", 7: "u1", 11: "f4", 12: "f8", 5: "u4", 10: "i4"}


class Cut(ValueError):  # noqa: N818 - what the file is
    """The file ends before the directory, or a value in it, does."""


@dataclass(frozen=True)
class Directory:
    """One page's tags; values are read from ``data`` when they are asked for."""

    data: bytes
    order: str  # "<" or ">"
    big: bool  # BigTIFF
    entries: dict[int, tuple[int, int, int]]  # tag: type, count, where its values are
    next: int

    def numbers(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Whole numbers of ``tag``; raises `Cut`, or ValueError where they are none."""
        if tag not in self.entries:
            return default
        if self.entries[tag][0] not in _WHOLE:
            raise ValueError(f"tag {tag} holds no whole numbers")
        return tuple(self.array(tag).tolist())

    def number(self, tag: int, default: int) -> int:
        """The first whole number of ``tag``."""
        return (self.numbers(tag) or (default,))[0]

    def ratios(self, tag: int) -> tuple[float, ...]:
        """The fractions of ``tag``, none where there are none that can be computed."""
        if tag not in self.entries or self.entries[tag][0] not in (5, 10):
            return ()
        pairs = self.array(tag).reshape(-1, 2)
        return tuple(float(a) / float(b) for a, b in pairs) if pairs[:, 1].all() else ()

    def block(self, tag: int) -> bytes:
        """The bytes of ``tag`` as they are; empty where it is missing."""
        return self.array(tag).tobytes() if tag in self.entries else b""

    def array(self, tag: int) -> npt.NDArray[Any]:
        """The values of ``tag``, n numbers in their own type (fractions: 2n)."""
        kind, count, at = self.entries[tag]
        if kind not in _PLAIN:
            raise ValueError(f"tag {tag} is of the unknown type {kind}")
        dtype = np.dtype(self.order + _PLAIN[kind])
        count *= 2 if kind in (5, 10) else 1
        if at + count * dtype.itemsize > len(self.data):
            raise Cut(f"tag {tag} lies beyond the end")
        return np.frombuffer(self.data, dtype, count, at)

    def where(self, tag: int) -> range:
        """The bytes of the file in which the values of ``tag`` are, as it says."""
        kind, count, at = self.entries[tag]
        return range(at, at + _size(kind, count))

    @cached_property
    def blocks(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Offsets and sizes in bytes of all strips or tiles; sizes are empty where untold."""
        offsets, sizes = (324, 325) if 324 in self.entries else (273, 279)
        if offsets not in self.entries:
            raise ValueError("there are neither strips nor tiles")
        arrays = []
        for tag in (offsets, sizes):
            here = self.array(tag) if tag in self.entries else np.empty(0, "u1")
            if here.dtype.kind not in "ui" or (here.size and int(here.max()) >= 1 << 62):
                raise ValueError("strips lie where no file reaches")
            arrays.append(here.astype(np.int64))
        return arrays[0], arrays[1]

    @property
    def raw_photo(self) -> bool:
        """Whether the tags are those of a digital negative."""
        return _DNG_VERSION in self.entries

    @property
    def reduced(self) -> bool:
        """Whether this page is a smaller version, or the mask, of another one."""
        if self.number(_SUBFILE_TYPE, 0) & (_REDUCED | _MASK):
            return True
        return self.number(_OLD_SUBFILE_TYPE, 1) == 2


def raw_photo(data: bytes) -> bool:
    """Whether a TIFF is a camera's raw photo: a digital negative, or one with a sensor's samples.

    Raises `Cut` where a part that could tell is not there.
    """
    for found in directories(data):
        if found.raw_photo or found.number(_PHOTOMETRIC, 0) in _SENSOR:
            return True
        for at in found.numbers(_SUB_DIRECTORIES)[:_MOST_BELOW]:
            try:
                below = _directory(data, at, found.order, found.big)
                if below.number(_PHOTOMETRIC, 0) in _SENSOR:
                    return True
            except ValueError:
                if found.reduced:  # nothing else is in this file
                    raise
    return False


def page(data: bytes) -> Directory:
    """The directory of the picture: the first that is no smaller version of another.

    Where all are, the first.  Raises `Cut` or ValueError.
    """
    first = None
    try:
        for found in directories(data):
            first = first or found
            if not found.reduced or found.raw_photo:
                return found
    except ValueError:
        if first is None:
            raise
    if first is None:
        raise Cut("no directory")
    return first


def directories(data: bytes) -> Iterator[Directory]:
    """All directories in their order; ends at one that is met again."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    at = _unpack(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
    seen: set[int] = set()
    while at and at not in seen and len(seen) < _MOST_DIRECTORIES:
        seen.add(at)
        found = _directory(data, at, order, big)
        yield found
        at = found.next


def _directory(data: bytes, at: int, order: str, big: bool) -> Directory:
    (count,) = _unpack(order + ("Q" if big else "H"), data, at)
    begin, width, inline = (at + 8, 20, 8) if big else (at + 2, 12, 4)
    if begin + count * width > len(data):
        raise Cut("the directory ends beyond the file")
    head, place = order + ("HHQ" if big else "HHI"), order + ("Q" if big else "I")
    entries: dict[int, tuple[int, int, int]] = {}
    for entry in range(begin, begin + count * width, width):
        tag, kind, number = _unpack(head, data, entry)
        where = entry + width - inline
        if _size(kind, number) > inline:
            (where,) = _unpack(place, data, where)
        entries.setdefault(tag, (kind, number, where))
    end = begin + count * width
    following = data[end : end + inline]
    after = struct.unpack(place, following)[0] if len(following) == inline else 0
    return Directory(data, order, big, entries, after)


def directory(page: Directory, at: int) -> Directory:
    """The directory at this offset in the same file.  Raises `Cut`."""
    return _directory(page.data, at, page.order, page.big)


def _size(kind: int, count: int) -> int:
    return np.dtype(_PLAIN.get(kind, "u1")).itemsize * count * (2 if kind in (5, 10) else 1)


def _unpack(form: str, data: bytes, at: int) -> tuple[Any, ...]:
    if at + struct.calcsize(form) > len(data):
        raise Cut("the file ends inside its header")
    return struct.unpack_from(form, data, at)
