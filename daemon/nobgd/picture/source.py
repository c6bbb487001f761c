"""Read a photo's bytes once, from the very file that was seen, and notice if it changes.

The file is opened beneath its inbox without following a link, must be a regular file, and
is never opened by name again: everything after works on these bytes.  Before they are read, a
look at the first of them decides whether they shall be (`admission`).  What goes wrong:
another mount in the inbox's place is GONE_AWAY; a link, FIFO, socket or device is UNSAFE;
a size or mtime that differs from what was seen, before or after the reading, is CHANGED; a
file that left is VANISHED.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from nobgd.fs import mounts
from nobgd.fs.beneath import open_beneath
from nobgd.fs.faults import failure
from nobgd.values import Code, NobgdError
from nobgd.values.mount import Mount

_AHEAD, _MOST_AHEAD = 128 << 10, 64 << 20  # bytes that are asked for at a time, and in all
_CHUNK = 0x7FFF_F000  # bytes that one read(2) gives at most, so that there is one buffer

Peek = Callable[[int, int], bytes]  # offset, count: the bytes there, fewer at the end


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of one photo and what the file system said of it."""

    data: bytes
    sha256: str  # of `data`, hexadecimal
    size: int  # bytes
    mtime_ns: int
    atime_ns: int
    mode: int  # st_mode
    device: int  # st_dev of the file
    inode: int
    ctime_ns: int

    @property
    def seen(self) -> tuple[int, int, int, int, int]:
        """What a look at the file would show, were it the same and untouched."""
        return self.device, self.inode, self.size, self.mtime_ns, self.ctime_ns


def read(
    root: str,
    relpath: str,
    *,
    mount: Mount | None = None,
    expect: tuple[int, int] | None = None,
    grain_ns: int = 1,
    max_bytes: int = 2 << 30,
    admit: Callable[[Peek, int], None] | None = None,
) -> Source:
    """Read the photo `relpath` of the inbox `root`.

    `mount` is what the inbox must lie on, `expect` the size in bytes and the mtime in
    nanoseconds the photo must have, the latter up to the grain; None leaves it unchecked.
    `admit` may look at parts of the file and at its size before it is read, and refuse it.
    Raises `NobgdError`.
    """
    doing = f"cannot read {relpath}"
    try:
        folder = mounts.open_root(root, mount)
        try:
            fd = open_beneath(folder, relpath, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        finally:
            os.close(folder)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise NobgdError(
                Code.UNSAFE, f"{relpath} is a socket or a device; put the photo itself there"
            ) from error
        raise failure(error, doing) from error
    try:
        return _read(fd, relpath, expect, max_bytes, admit, grain_ns)
    except OSError as error:
        raise failure(error, doing) from error
    finally:
        os.close(fd)


def confirm(root: str, relpath: str, before: Source, mount: Mount | None = None) -> None:
    """Make sure that the photo still is what was read `before`, right before it is relied on.

    A file that was touched, or numbered anew, is read again: only other bytes are a change.
    Raises `NobgdError` as `read` does.
    """
    doing = f"cannot look at {relpath}"
    try:
        folder = mounts.open_root(root, mount)
        try:
            fd = open_beneath(folder, relpath, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        finally:
            os.close(folder)
        try:
            now = os.fstat(fd)
            if _seen(now) == before.seen:
                return
            with open(fd, "rb", closefd=False) as stream:
                same = now.st_size == before.size and stat.S_ISREG(now.st_mode)
                same = same and hashlib.file_digest(stream, "sha256").hexdigest() == before.sha256
        finally:
            os.close(fd)
    except OSError as error:
        raise failure(error, doing) from error
    if not same:
        raise NobgdError(
            Code.CHANGED, f"{relpath} changed while it was cut out; it is looked at again"
        )


def _seen(info: os.stat_result) -> tuple[int, int, int, int, int]:
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns


def _cut(seen: tuple[int, int], grain_ns: int) -> tuple[int, int]:
    """Size and time, the latter as fine as both who looked can see it."""
    return seen[0], seen[1] // grain_ns


def peek(fd: int, size: int) -> Peek:
    """Bytes of a file; none where a header points beyond its end, however far that is."""

    def within(offset: int, count: int) -> bytes:
        return os.pread(fd, min(count, size - offset), offset) if 0 <= offset < size else b""

    return within


def _ask_for(fd: int, size: int) -> None:
    """Have the system fetch the file at once: a share would be asked for one part, then the next.

    It fetches 128 KiB for a request, as much as it reads ahead; with 5 ms a call that is 25 MB/s.
    """
    with contextlib.suppress(OSError):  # a file system that does not know the word
        for offset in range(0, min(size, _MOST_AHEAD), _AHEAD):
            os.posix_fadvise(fd, offset, _AHEAD, os.POSIX_FADV_WILLNEED)


def _read(
    fd: int, relpath: str, expect: tuple[int, int] | None, max_bytes: int,
    admit: Callable[[Peek, int], None] | None, grain_ns: int,
) -> Source:  # fmt: skip
    before = os.fstat(fd)
    if not stat.S_ISREG(before.st_mode):
        raise NobgdError(
            Code.UNSAFE,
            f"{relpath} is no plain file, so it is not read; put the photo itself there",
        )
    seen = (before.st_size, before.st_mtime_ns)
    if expect is not None and _cut(seen, grain_ns) != _cut(expect, grain_ns):
        raise NobgdError(
            Code.CHANGED, f"{relpath} has changed since it was seen; it is looked at again"
        )
    if admit is not None:
        admit(peek(fd, before.st_size), before.st_size)
    if before.st_size > max_bytes:
        mib = before.st_size / 2**20
        raise NobgdError(
            Code.TOO_LARGE,
            f"{relpath} has {mib:,.0f} MiB, more than the {max_bytes / 2**20:,.0f} MiB allowed;"
            " export a smaller one",
        )
    _ask_for(fd, before.st_size)
    parts, left = [], before.st_size + 1  # one byte more shows that it has grown
    while left > 0 and (part := os.read(fd, min(left, _CHUNK))):
        parts.append(part)
        left -= len(part)
    data = parts[0] if len(parts) == 1 else b"".join(parts)
    after = os.fstat(fd)
    if len(data) != before.st_size or seen != (after.st_size, after.st_mtime_ns):
        raise NobgdError(
            Code.CHANGED, f"{relpath} changed while it was read; it is looked at again"
        )
    return Source(
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
        size=before.st_size,
        mtime_ns=before.st_mtime_ns,
        atime_ns=before.st_atime_ns,
        mode=before.st_mode,
        device=before.st_dev,
        inode=before.st_ino,
        ctime_ns=before.st_ctime_ns,
    )
