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


def bare(path: str, said: str) -> str:
    """What is said of ``path`` without its name, or the end of it, where that comes first."""
    tail = path
    while tail and not said.startswith(f"{tail}: "):
        tail = tail.partition("/")[2]
    return said[len(tail) + 2 :] if tail else said


def about(path: str, said: str) -> str:
    """``path: said`` as `shown`, with the path once."""
    path, said = shown(path), shown(said)
    return f"{path}: {bare(path, said)}"


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
