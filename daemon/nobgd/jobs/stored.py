"""How numbers and names are stored in SQLite, so that every one that the kernel knows fits.

SQLite's integers have 64 bits and a sign; an inode number has none, and a time in nanoseconds
leaves 64 bits in the years 1677 and 2262.  Its texts are UTF-8, which a folder's name need
not be.  What fits is stored as it is; what does not is stored as a blob, which SQLite compares
byte for byte and never takes for a number.
"""

from __future__ import annotations

import os
from functools import lru_cache

_LEAST, _MOST = -(2**63), 2**63 - 1


def number(value: int) -> int | bytes:
    """A whole number of any size; equal ones are stored equal, others are not."""
    return value if _LEAST <= value <= _MOST else b"%d" % value


def whole(value: int | bytes) -> int:
    """The number that `number` stored."""
    return int(value)


@lru_cache(1024)  # inboxes and outboxes: few, and each is asked for with every photo
def folder(path: str) -> str | bytes:
    """The path of a folder."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def path(value: str | bytes) -> str:
    """The path that `folder` stored, or a name that was stored as its bytes."""
    return os.fsdecode(value)


def sentence(text: str) -> str:
    """A text for people: name bytes that are no UTF-8 are shown escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
