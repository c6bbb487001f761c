"""Put a finished file into a folder so that it is there whole, or not at all.

The order is write → fsync(file) → rename → fsync(folder); on ext4 nothing less survives
a power cut.  A name that is taken is never clobbered unless the caller says it is ours.

Diagnostics: every `OSError` leaves as a `NobgdError` whose code names the class of fault
(see `oserrors`).  After a failed fsync the temp is dropped, never synced again: the
kernel may have thrown the dirty pages away and would report success the second time.
A rename that fails may still have happened (NFS retransmits), so the target is looked at
before giving up.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from nobgd.fs.blocks import blocks
from nobgd.fs.names import GOING_FILE, NAME_BYTES, numbered

TEMP_PREFIX = ".nobgd-"
TEMP_SUFFIX = ".tmp"
_RENAME_NOREPLACE = 1
_PIECE = 8 << 20
_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOTTY}
_libc = ctypes.CDLL(None, use_errno=True)


class Taken(Exception):  # noqa: N818 - a fact about the folder, not an error of ours
    """The name is in use by a file that is not the caller's."""


def is_temp(name: str) -> bool:
    """Whether ``name`` is one of this module's temporary files."""
    return name.startswith(TEMP_PREFIX) and name.endswith(TEMP_SUFFIX)


def write(
    descriptor: int, name: str, parts: Iterable[bytes | memoryview], *, replace: bool,
    still: Callable[[], bool] | None = None,
) -> int:  # fmt: skip
    """Publish ``parts`` as ``name`` in the open folder; the number of bytes written.

    Raises `Taken` if ``name`` exists and ``replace`` is false, or if ``still``, asked right
    before the rename, denies that what is there is what may be replaced; OSError from the system.
    """
    with temporary(descriptor, 0o666) as temp:
        count = sum(write_all(temp.file, block) for block in blocks(parts))
        temp.publish(name, count, replace=replace, still=still)
    return count


@dataclass(slots=True)
class Temporary:
    """A file under a temporary name in an open folder, for its maker to fill and publish."""

    folder: int
    name: str
    file: int  # open for writing
    published: bool = False

    def publish(
        self, name: str, count: int, *, replace: bool = False,
        still: Callable[[], bool] | None = None,
    ) -> None:  # fmt: skip
        """Give the file, which has ``count`` bytes, its name; see `write`."""
        os.fsync(self.file)
        seen = os.fstat(self.file)
        if seen.st_size != count:
            raise OSError(errno.EIO, f"{seen.st_size} bytes stored of {count}")
        os.close(os.dup(self.file))  # quota file systems may report only at close; the lock stays
        if still is not None and not still():
            raise Taken(name)
        _rename(self.folder, self.name, name, seen, replace=replace)
        self.published = True
        sync_folder(self.folder)


@contextlib.contextmanager
def temporary(descriptor: int, mode: int, *, exactly: bool = False) -> Iterator[Temporary]:
    """A new file in the open folder that leaves again unless it is published.

    ``exactly``: with this mode, whatever the umask (of this process, so of one thread at a time).
    """
    name = f"{TEMP_PREFIX}{secrets.token_hex(8)}{TEMP_SUFFIX}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    before = os.umask(0) if exactly else None
    try:
        file = os.open(name, flags, mode, dir_fd=descriptor)
    finally:
        if before is not None:
            os.umask(before)
    temp = Temporary(descriptor, name, file)
    try:
        with contextlib.suppress(OSError):  # held while alive: tells a sweep to keep off
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield temp
    finally:
        with contextlib.suppress(OSError):
            os.close(file)
        if not temp.published:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=descriptor)


def write_all(file: int, part: bytes | memoryview) -> int:
    """Write all of ``part`` to an open file; how many bytes."""
    view = memoryview(part).cast("B")
    done = 0
    while done < len(view):
        done += os.write(file, view[done : done + (8 << 20)])
    return done


def _rename(descriptor: int, temp: str, name: str, seen: os.stat_result, *, replace: bool) -> None:
    try:
        if replace:
            os.rename(temp, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
        else:
            rename_noreplace(descriptor, temp, descriptor, name)
    except OSError as error:
        with contextlib.suppress(OSError):
            there = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if (there.st_dev, there.st_ino) == (seen.st_dev, seen.st_ino):
                with contextlib.suppress(OSError):  # linked but not unlinked
                    os.unlink(temp, dir_fd=descriptor)
                return
        if error.errno == errno.EEXIST:
            raise Taken(name) from error
        raise


def rename_noreplace(
    source_folder: int, source: str, target_folder: int, target: str, *, contested: bool = False
) -> None:  # fmt: skip
    """Rename within or across open folders; FileExistsError rather than clobbering.

    renameat2 where the file system has RENAME_NOREPLACE, else link and unlink, else (exFAT,
    some FUSE) a look before the rename, which leaves a window of microseconds.  A move that was
    cut short between link and unlink is finished: the target is the very same file then.
    ``contested``: others write under the old name, and what they put there meanwhile stays.
    """
    result = _libc.renameat2(
        source_folder, os.fsencode(source), target_folder, os.fsencode(target), _RENAME_NOREPLACE
    )
    if result == 0:
        return
    number = ctypes.get_errno()
    ends = source_folder, source, target_folder, target
    leave = _leave_contested if contested else _leave
    if number == errno.EEXIST and _half_moved(*ends):
        leave(*ends)
        return
    if number not in _UNSUPPORTED:
        raise OSError(number, os.strerror(number), target)
    try:
        os.link(
            source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder,
            follow_symlinks=False,
        )  # fmt: skip
    except FileExistsError:
        if not _half_moved(*ends):
            raise
    except OSError as error:
        if error.errno not in _UNSUPPORTED | {errno.EPERM, errno.EMLINK}:
            raise
        if exists(target_folder, target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from None
        os.rename(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder)
        return
    try:
        leave(*ends)
    except OSError:  # it has two names now: it keeps the one that it had
        with contextlib.suppress(OSError):
            if _half_moved(*ends):
                os.unlink(target, dir_fd=target_folder)
        raise


def _leave(source_folder: int, source: str, *_: object) -> None:
    """Take the old name away."""
    os.unlink(source, dir_fd=source_folder)


def _leave_contested(source_folder: int, source: str, target_folder: int, target: str) -> None:
    """Take the old name away if it is still of the file that has moved.

    It is renamed first, to a name that `lane.going` gives back after a kill: what is looked at is
    what is taken away.
    """
    room = NAME_BYTES - len(GOING_FILE) - 8  # a number may come between
    raw = os.fsencode(source)
    spelt = raw[-room:].decode(errors="ignore") if len(raw) > room else source
    tried = (GOING_FILE + name for name in islice(numbered(spelt), 16))
    aside = next((name for name in tried if not exists(source_folder, name)), None)
    if aside is None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), source)
    try:
        os.rename(source, aside, src_dir_fd=source_folder, dst_dir_fd=source_folder)
    except FileNotFoundError:
        return  # somebody else took it away
    if _half_moved(source_folder, aside, target_folder, target):
        os.unlink(aside, dir_fd=source_folder)
        return
    for name in numbered(source):  # something new: it gets its name, or the next free one
        with contextlib.suppress(FileExistsError):
            rename_noreplace(source_folder, aside, source_folder, name)
            return


def _half_moved(source_folder: int, source: str, target_folder: int, target: str) -> bool:
    """Whether both are names of one file, and not the same name.

    Inode numbers are not asked: a client may remember those of what had the name before (NFS), or
    makes them up for each name (FUSE).  What is open is what is there.
    """
    folders = os.fstat(source_folder), os.fstat(target_folder)
    if source == target and os.path.samestat(*folders):
        return False
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with (
        open(os.open(source, flags, dir_fd=source_folder), "rb") as one,
        open(os.open(target, flags, dir_fd=target_folder), "rb") as other,
    ):
        seen = os.fstat(one.fileno()), os.fstat(other.fileno())
        if not all(stat.S_ISREG(each.st_mode) and each.st_nlink > 1 for each in seen):
            return False
        if seen[0].st_size != seen[1].st_size:
            return False
        while piece := one.read(_PIECE):
            if other.read(len(piece)) != piece:
                return False
        return not other.read(1)


def exists(descriptor: int, name: str) -> bool:
    """Whether anything is called ``name`` in the open folder."""
    try:
        os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def probe(descriptor: int) -> None:
    """Show that the open folder can be written to, by making a temp and taking it away."""
    temp = f"{TEMP_PREFIX}{secrets.token_hex(8)}{TEMP_SUFFIX}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(temp, flags, 0o600, dir_fd=descriptor)
    try:
        with contextlib.suppress(OSError):  # as `temporary` does
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(file, b"nobgd")
        os.fsync(file)
    finally:
        os.close(file)
        with contextlib.suppress(FileNotFoundError):  # swept by somebody who saw no lock
            os.unlink(temp, dir_fd=descriptor)


def settle(descriptor: int, name: str) -> None:
    """Make a file that was found in the open folder as durable as one written now.

    Whoever put it there may have been killed before its last fsync.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file = os.open(name, flags, dir_fd=descriptor)
    try:
        os.fsync(file)
    finally:
        os.close(file)
    sync_folder(descriptor)


def sync_folder(descriptor: int) -> None:
    """Fsync an open folder; file systems that do not know how (some FUSE, CIFS) are forgiven."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
