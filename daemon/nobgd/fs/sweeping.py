"""Temps that a crash left are removed; one that a live process holds locked is left alone."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat

from nobgd.fs import publish, tree
from nobgd.values.mount import Mount


def sweep(root: str, mount: Mount | None = None) -> int:
    """Remove temps that a crash left anywhere below ``root``; how many were removed."""
    removed = 0
    with tree.within(root, mount=mount):
        pass
    for _path, _folders, files, descriptor in os.fwalk(root, follow_symlinks=False):
        for name in filter(publish.is_temp, files):
            with contextlib.suppress(OSError):
                removed += _sweep_one(descriptor, name)
    return removed


def sweep_here(descriptor: int) -> int:
    """Remove temps that a crash left in the open folder itself; how many were removed."""
    removed = 0
    for name in filter(publish.is_temp, os.listdir(descriptor)):
        with contextlib.suppress(OSError):
            removed += _sweep_one(descriptor, name)
    return removed


def _sweep_one(descriptor: int, name: str) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file = os.open(name, flags, dir_fd=descriptor)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return 0
        with contextlib.suppress(OSError):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0
        os.unlink(name, dir_fd=descriptor)
        return 1
    finally:
        os.close(file)
