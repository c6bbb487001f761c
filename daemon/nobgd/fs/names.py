"""Names: numbered ones where one is taken; for people, with what cannot be printed escaped."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

GOING = ".nobgd-going"  # the folder through which an original goes, see `lane.going`
GOING_FILE = f"{GOING}."  # what its name begins with where there is no room for that folder
NAME_BYTES = 255  # NAME_MAX of every Linux file system that matters here


def shown(name: str) -> str:
    """``name`` in one line of printable UTF-8; bytes that are none (surrogates) are escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode()
        for c in name.encode("utf-8", "backslashreplace").decode()
    )


def numbered(name: str) -> Iterator[str]:
    """``name``, then ``stem-1.ext``, ``stem-2.ext`` … without an end, none longer than may be."""
    yield name
    stem, dot = os.path.splitext(name)
    raw = os.fsencode(stem)
    for number in itertools.count(1):
        end = os.fsencode(f"-{number}{dot}")
        cut = raw[: max(1, NAME_BYTES - len(end))]
        while len(cut) < len(raw) and len(cut) > 1 and raw[len(cut)] & 0xC0 == 0x80:
            cut = cut[:-1]  # not within a character
        yield os.fsdecode(cut + end[: NAME_BYTES - len(cut)])
