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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

TEMP_PREFIX = ".nobgd-"
TEMP_SUFFIX = ".tmp"
_RENAME_NOREPLACE = 1
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
        count = sum(write_all(temp.file, part) for part in parts)
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


def rename_noreplace(source_folder: int, source: str, target_folder: int, target: str) -> None:
    """Rename within or across open folders; FileExistsError rather than clobbering.

    renameat2 where the file system has RENAME_NOREPLACE, else link and unlink, else (exFAT,
    some FUSE) a look before the rename, which leaves a window of microseconds.  A move that was
    cut short between link and unlink is finished: the target is the very same file then.
    """
    result = _libc.renameat2(
        source_folder, os.fsencode(source), target_folder, os.fsencode(target), _RENAME_NOREPLACE
    )
    if result == 0:
        return
    number = ctypes.get_errno()
    ends = source_folder, source, target_folder, target
    if number == errno.EEXIST and _half_moved(*ends):
        os.unlink(source, dir_fd=source_folder)
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
        os.unlink(source, dir_fd=source_folder)
    except OSError:  # it has two names now: it keeps the one that it had
        with contextlib.suppress(OSError):
            os.unlink(target, dir_fd=target_folder)
        raise


def _half_moved(source_folder: int, source: str, target_folder: int, target: str) -> bool:
    """Whether both are names of one file, and not the same name."""
    here = os.stat(source, dir_fd=source_folder, follow_symlinks=False)
    there = os.stat(target, dir_fd=target_folder, follow_symlinks=False)
    if not (os.path.samestat(here, there) and here.st_nlink > 1):
        return False
    folders = os.fstat(source_folder), os.fstat(target_folder)
    return source != target or not os.path.samestat(*folders)


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
        os.write(file, b"nobgd")
        os.fsync(file)
    finally:
        os.close(file)
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
