"""When a photo was taken, as its camera noted it: EXIF's DateTimeOriginal.

Sources: CIPA DC-008 (EXIF 2.32, 4.6.5: the tags; 4.7.2: the block in a JPEG), TIFF 6.0; Canon's CR3
has the block of the camera's settings in a box `CMT2`, as a TIFF of its own.  In a HEIC it may lie
behind the picture (ISO/IEC 23008-12, annex A), so its boxes are asked where.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import islice

from nobgd.picture import boxes, directory
from nobgd.picture.source import Peek

_ORIGINAL, _SETTINGS = 36867, 34665  # DateTimeOriginal; where the camera's settings are
_TIME = re.compile(rb"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d")
_MAGIC = re.compile(rb"II\*\0|MM\0\*")
_ORDERS = (b"II", b"MM")
_MOST = 32
_READ_BYTES = 256 << 10  # of the file's beginning, and of each block that its boxes name


def at(peek: Peek, size: int) -> str | None:
    """``YYYY:MM:DD HH:MM:SS`` by a photo of ``size`` bytes; None where it does not say."""
    head = peek(0, _READ_BYTES)
    found = _among(head)
    if found is None and head[4:8] == b"ftyp":
        for place, count in islice(_notes(peek, size), _MOST):
            if (found := _among(peek(place, min(count, _READ_BYTES)))) is not None:
                break
    return found


def _notes(peek: Peek, size: int) -> list[tuple[int, int]]:
    """Where the Exif of a HEIC's pictures lies, offset and length; none in what is no HEIC."""
    try:
        items = boxes.survey(peek, size).items.values()
    except (ValueError, IndexError, struct.error):
        return []
    return [item.last for item in items if item.kind == b"Exif" and item.last[0] < size]


def _among(head: bytes) -> str | None:
    for block in _blocks(head):
        try:
            for page in directory.directories(block):
                if (found := _time(page)) is not None:
                    return found
                for below in page.numbers(_SETTINGS):
                    if (found := _time(directory.directory(page, below))) is not None:
                        return found
        except (ValueError, struct.error, OverflowError):
            continue  # cut, or no such block
    return None


def _blocks(head: bytes) -> Iterator[bytes]:
    """Where a TIFF may begin: with the file, or anywhere in it as a block of a container's."""
    if head[:2] in _ORDERS:  # cameras' own kinds have other numbers behind these letters
        yield head
    for found in islice(_MAGIC.finditer(head, 1), _MOST):
        yield head[found.start() :]


def _time(page: directory.Directory) -> str | None:
    found = _TIME.match(page.block(_ORIGINAL))
    return found[0].decode() if found else None
