"""What lanes do besides pictures: every touch of a share that is not a job.

The supervisor itself never opens a file on a share, so that a hung one cannot hang it.
Each errand is a frozen value and has one function; each returns a sentence or a number
and raises `NobgdError` or OSError, which the lane turns into an `Errand failed` answer.
All of them can be run again after a crash at any point.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from functools import partial

from nobgd.fs import mounts, publish, sweeping, tree
from nobgd.lane.digest import digest
from nobgd.lane.disposal import dispose, put_back
from nobgd.lane.peek import peek
from nobgd.lane.quarantine import release, set_aside
from nobgd.lane.sample import mark, sample
from nobgd.values import Code, NobgdError
from nobgd.values.errands import (
    Check,
    Digest,
    Dispose,
    Errand,
    Look,
    Mark,
    Peek,
    Place,
    Prepare,
    Preview,
    PutBack,
    Release,
    Render,
    Sample,
    SetAside,
    Sweep,
    Unlink,
    Write,
)


def run(errand: Errand | Check, ask: Callable[[float], int] = lambda _: 1) -> int:
    """Do one errand; see each for what its number means, which for most is nothing."""
    match errand:
        case Prepare():
            return prepare(errand)
        case SetAside():
            return set_aside(errand)
        case Release():
            return release(errand)
        case Dispose():
            return dispose(errand, partial(_reviewed, errand, ask))
        case Place():
            return _placed(errand)
        case PutBack():
            return put_back(errand)
        case Write():
            return write(errand)
        case Unlink():
            return unlink(errand)
        case Digest():
            return digest(errand)
        case Peek():
            return peek(errand)
        case Render():
            return _rendered(errand, ask)
        case Preview():
            return _preview(errand, ask)
        case Sample():
            return sample(errand)
        case Look():
            return _look(errand)
        case Mark():
            return mark(errand)
        case Sweep():
            return sweeping.sweep(errand.outbox, errand.mount, errand.young_s).left


def _reviewed(errand: Dispose, ask: Callable[[float], int]) -> str:
    from nobgd.lane import review  # numpy, which the supervisor has no need of

    return review.keep(errand, ask)


def _rendered(errand: Render, ask: Callable[[float], int]) -> int:
    from nobgd.lane import rendered  # numpy, as above

    return rendered.make(errand, ask)


def _preview(errand: Preview, ask: Callable[[float], int]) -> int:
    from nobgd.lane import preview  # numpy, as above

    return preview.make(errand, ask)


def _look(errand: Look) -> int:
    from nobgd.lane import look  # it reads notes of pictures, as above

    return look.look(errand)


def _placed(errand: Place) -> int:
    from nobgd.lane import placing  # numpy, as above

    return placing.place(errand)


def prepare(errand: Prepare) -> int:
    """See `Prepare`.  Raises NobgdError with the class of what is wrong.

    Before anything is written: a bare mount point can be written to, and what is put there
    is hidden once the share is back.
    """
    with tree.within(errand.outbox) as folder:
        now = mounts.identify(folder)
        if errand.before is not None and (why := mounts.judge(errand.before, now)) is not None:
            raise NobgdError(
                Code.GONE_AWAY,
                f"{errand.outbox}: {why}; mount it and it goes on, or, where it lies elsewhere by"
                " now: `nobgd resume --moved`",
            )
        if (why := mounts.unmounted(errand.outbox)) is not None:
            raise NobgdError(Code.GONE_AWAY, f"{errand.outbox}: {why}; mount it and it goes on")
        publish.probe(folder)
    if errand.sweep:
        sweeping.sweep(errand.outbox, now, errand.young_s)
    return mounts.sight(now.device, now.mount_id)


def write(errand: Write) -> int:
    """See `Write`.  Raises NAME_TAKEN when the name is in use by a file that is not ours."""
    data = errand.text.encode(errors="backslashreplace")
    taken = NobgdError(
        Code.NAME_TAKEN,
        f"{errand.folder} has a file called {errand.name} that nobgd did not write; it is kept:"
        " rename it, and nobgd's own takes its place",
    )
    with tree.within(errand.folder, mount=errand.mount) as folder:
        ours = publish.exists(folder, errand.name)
        if ours and not _begins(folder, errand.name, errand.mark.encode()):
            raise taken
        try:
            return publish.write(folder, errand.name, [data], replace=ours)
        except publish.Taken:  # somebody made it just now
            raise taken from None


def _begins(folder: int, name: str, mark: bytes) -> bool:
    """Whether a plain file begins with ``mark``; links are not followed."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
                       dir_fd=folder)  # fmt: skip
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EACCES):  # a link, a socket, not ours
            return False
        raise
    try:
        plain = stat.S_ISREG(os.fstat(file).st_mode)
        return plain and os.read(file, len(mark)) == mark
    finally:
        os.close(file)


def unlink(errand: Unlink) -> int:
    """See `Unlink`.  What is not there, or is no plain file, is fine."""
    with tree.within(errand.inbox, mount=errand.mount) as folder:
        with contextlib.suppress(FileNotFoundError):
            seen = os.stat(errand.name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISREG(seen.st_mode):
                os.unlink(errand.name, dir_fd=folder)
        publish.sync_folder(folder)
    return 0
