"""A JPEG and a raw photo or HEIC of one shot: which of the two is cut out.

They have one name but for the extension, and one time: what the camera noted in both, or, where one
has no such note, times of the files that lie no more than seconds apart.
"""

from __future__ import annotations

import contextlib
import os
import stat

from nobgd.fs import mounts
from nobgd.fs.beneath import open_beneath
from nobgd.picture import taken
from nobgd.values import Code, Job, NobgdError

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_APART_NS = 10 * 10**9  # a camera writes one after the other


def check(job: Job) -> None:
    """Raise `NobgdError` PAIRED when the other file of the same shot is there and preferred."""
    if not job.partners:
        return
    root = mounts.open_root(job.inbox, job.inbox_mount)
    try:
        mine = _look(root, job.relpath)
        for name in job.partners:
            with contextlib.suppress(OSError):
                if mine is not None and _one_shot(mine, _look(root, name)):
                    raise NobgdError(
                        Code.PAIRED,
                        f"{job.relpath}: {os.path.basename(name)} is of the same shot and is cut"
                        " out instead; with `pairs: both` it is looked at again at the next start",
                    )
    except OSError:
        return  # reading it says what is wrong
    finally:
        os.close(root)


def _look(root: int, relpath: str) -> tuple[str | None, int] | None:
    """When it was taken, if noted, and its mtime in ns; None: no plain file.  Raises OSError."""
    file = open_beneath(root, relpath, _FLAGS)
    try:
        info = os.fstat(file)
        if not stat.S_ISREG(info.st_mode):
            return None
        when = taken.at(lambda at, count: os.pread(file, count, at), info.st_size)
        return when, info.st_mtime_ns
    finally:
        os.close(file)


def _one_shot(mine: tuple[str | None, int], other: tuple[str | None, int] | None) -> bool:
    if other is None:
        return False
    if mine[0] is not None and other[0] is not None:
        return mine[0] == other[0]
    return abs(mine[1] - other[1]) <= _APART_NS
