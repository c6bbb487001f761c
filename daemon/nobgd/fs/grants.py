"""Descriptors of the folders that a lane is let into, taken by somebody who may be given up.

A lane that opened them itself would hang with the first share that does: no lane could start
while one share is dead.  A descriptor taken with O_PATH can be granted (Landlock, statx from
what the kernel remembers) without asking the share anything.  None is kept, as an open
descriptor keeps a share from being unmounted.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from nobgd.fs import reach

_WITHIN_S = 1.0


def take(folders: Iterable[str]) -> dict[str, int]:
    """Open descriptors, for the caller to close, of those folders that are there and answer."""
    found = reach.each(folders, _open, _WITHIN_S, late=_close)
    return {path: fd for path, fd in found.items() if fd is not None}


def give_back(taken: dict[str, int]) -> None:
    """Close them."""
    for fd in taken.values():
        os.close(fd)


def _open(path: str) -> int | None:
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None


def _close(fd: int | None) -> None:
    if fd is not None:
        os.close(fd)
