"""A lock that a process holds as long as it lives: flock(2) on a file that holds its pid.

The kernel drops it with the process, so a crash leaves nothing to clear up.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

_EVERY_S = 0.05
_HELD = (BlockingIOError, PermissionError)  # the latter on SMB


def take(path: Path, within_s: float = 0.0) -> int | None:
    """The lock's descriptor, to be kept open; None if another process holds it all this time.

    Raises OSError when the file cannot be opened or made.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    until = time.monotonic() + within_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except _HELD:
            if time.monotonic() >= until:
                os.close(lock)
                return None
            time.sleep(_EVERY_S)
    with contextlib.suppress(OSError):  # a full disk: it is locked all the same
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def holder(path: Path) -> str | None:
    """The pid of who holds it, or "unknown"; None if nobody does.

    It is tried for a moment, for which `take` may have to wait.  Raises PermissionError.
    """
    try:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except _HELD:
        return pid(lock)
    finally:
        os.close(lock)
    return None


def pid(lock: int) -> str:
    """What an open lock says of its holder."""
    try:
        said = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
    except PermissionError:  # on SMB a lock keeps others from reading, too
        return "unknown"
    return said if said.isdigit() else "unknown"
