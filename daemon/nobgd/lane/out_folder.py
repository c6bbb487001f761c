"""The folder that one photo's output goes to, open, and what in it is a plain file."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from nobgd.fs import sweeping, tree
from nobgd.values import Job

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(slots=True)
class OutFolder:
    """The open folder of an output."""

    descriptor: int
    where: str  # its path from the outbox, as it is spelt on the disk
    level: int = 0  # how far from the plain names the disk wants them; see `spelling.variants`

    def path(self, name: str) -> str:
        """The path of an output in it, from the outbox."""
        return os.path.join(self.where, os.path.basename(name))


@contextlib.contextmanager
def opened(job: Job) -> Iterator[OutFolder]:
    """The folder of the job's outputs, made where it is missing.  Raises `NobgdError`.

    Where a lane may have ended at work, what it left is swept (`Job.tidy`).
    """
    parts = [part for part in os.path.dirname(job.outputs[0]).split("/") if part]
    with tree.spelt_within(job.outbox, parts, job.outbox_mount) as (descriptor, where):
        if job.tidy:
            with contextlib.suppress(OSError):  # nothing that this photo waits for
                sweeping.sweep_here(descriptor, job.others_s)
        yield OutFolder(descriptor, where)


def open_plain(folder: int, name: str) -> int | None:
    """A descriptor of a plain file; None if it is somebody else's thing.

    That is a link, a folder, a socket, a pipe, a device, or another user's file that we may
    not read.  Raises OSError for what the place does to a file that may well be ours.
    """
    try:
        file = os.open(name, READ, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            return None
        if error.errno in (errno.EACCES, errno.EPERM):
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if there.st_uid != os.geteuid():
                return None
        raise
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    return None
