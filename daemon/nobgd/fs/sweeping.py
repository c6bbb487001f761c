"""Temps that a crash left are removed; one that a live process holds locked is left alone."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterable
from typing import NamedTuple

from nobgd.fs import publish, tree
from nobgd.values.mount import Mount


class Swept(NamedTuple):
    """What became of the temps."""

    removed: int
    left: int  # younger, locked, or not ours to remove


def sweep(root: str, mount: Mount | None = None, young_s: float = 0.0) -> Swept:
    """Remove temps that a crash left anywhere below ``root``.

    Those that are younger than ``young_s`` stay: another machine may be at them, and not every
    network file system tells of its locks.  How old one is says the share's own clock.
    """
    with tree.within(root, mount=mount) as folder:
        latest = _latest(folder, young_s)
        found = [_among(descriptor, files, latest) for descriptor, files in tree.walk(folder)]
    return Swept(sum(each.removed for each in found), sum(each.left for each in found))


def sweep_here(descriptor: int, young_s: float = 0.0) -> Swept:
    """Remove temps that a crash left in the open folder itself."""
    latest = _latest(descriptor, young_s)
    return _among(descriptor, os.listdir(descriptor), latest)


def _among(descriptor: int, files: Iterable[str], latest: int | None) -> Swept:
    removed = left = 0
    for name in filter(publish.is_temp, files):
        try:
            gone = _sweep_one(descriptor, name, latest)
        except FileNotFoundError:
            continue
        except OSError:
            gone = False
        removed, left = removed + gone, left + (not gone)
    return Swept(removed, left)


def _latest(folder: int, young_s: float) -> int | None:
    """The mtime (ns) of the youngest that may go, by the clock of the share; None: all may."""
    if not young_s:
        return None
    with publish.temporary(folder, 0o600) as temp:
        return os.fstat(temp.file).st_mtime_ns - int(young_s * 1e9)


def _sweep_one(descriptor: int, name: str, latest: int | None) -> bool:
    file, writable = _open(descriptor, name)
    try:
        seen = os.fstat(file)
        if not stat.S_ISREG(seen.st_mode) or (latest is not None and seen.st_mtime_ns > latest):
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # SMB says EACCES where another has the lock
            return False
        except OSError:  # no locks there, or (NFS) only for who may write: nobody knows
            if not writable:
                return False
        os.unlink(name, dir_fd=descriptor)
        return True
    finally:
        os.close(file)


def _open(descriptor: int, name: str) -> tuple[int, bool]:
    """The file, and whether it is open for writing: a copy of a read-only photo is read-only."""
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(name, os.O_RDWR | flags, dir_fd=descriptor), True
    except PermissionError:
        return os.open(name, os.O_RDONLY | flags, dir_fd=descriptor), False
