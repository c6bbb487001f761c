"""The hidden folder through which an original goes: moved there, looked at, removed or put back.

What has a name at the moment of a check need not have it at the moment of the removal.  So an
original is first renamed into `.nobgd-going/` in its own folder, under its own name; there it is
nobody's but ours, and what is checked is what is removed.  Who is at work there holds a shared
lock on the folder; what a kill left in it is put back by `put_back`, which takes the lock alone.

A full disk has no room for a folder, and deleting is what it needs: there the original gets a
hidden name in its own folder instead, `.nobgd-going.` and its name, and the lock is on itself.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from nobgd.fs import publish
from nobgd.fs.names import GOING, GOING_FILE, NAME_BYTES, numbered

FOLDER = GOING
_FULL = {errno.ENOSPC, errno.EDQUOT}
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.EBADF}


class Busy(Exception):  # noqa: N818 - a state
    """Somebody else is at work in the hidden folder."""


@dataclass(slots=True)
class Room:
    """Where an original is looked at: an open folder, and what its name there begins with."""

    folder: int
    prefix: str = ""  # of a hidden name in the original's own folder
    held: int | None = None  # the original, open and locked, where no folder has the lock

    def take(self, parent: int, name: str) -> str:
        """Move an original here; its name here.  Raises OSError or `Busy`."""
        if self.prefix:
            if len(os.fsencode(self.prefix + name)) > NAME_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)  # which is why
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            self.held = os.open(name, flags, dir_fd=parent)
            _lock(self.held, fcntl.LOCK_SH)
        publish.rename_noreplace(parent, name, self.folder, self.prefix + name, contested=True)
        return self.prefix + name


@contextlib.contextmanager
def entered(parent: int) -> Iterator[Room]:
    """The hidden folder in the open folder ``parent``, made where missing, or what stands for it.

    It leaves with the last who used it.  Raises OSError, or `Busy` while it is being cleared.
    """
    try:
        room = Room(_open(parent, make=True))
    except OSError as error:
        if error.errno not in _FULL:
            raise
        room = Room(os.dup(parent), GOING_FILE)
    try:
        yield room
    finally:
        os.close(room.folder)
        if room.held is not None:
            os.close(room.held)
        if not room.prefix:
            _leave(parent)


def _open(parent: int, *, make: bool) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    for _ in range(100):  # another lane may take it away between our open and our lock
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(FOLDER, 0o700, dir_fd=parent)
        try:
            going = os.open(FOLDER, flags, dir_fd=parent)
        except FileNotFoundError:
            if make:
                continue
            raise
        try:
            _lock(going, fcntl.LOCK_SH if make else fcntl.LOCK_EX)
            if _is(parent, going):
                return going
        except BaseException:
            os.close(going)
            raise
        os.close(going)
    raise Busy


def _lock(going: int, how: int) -> None:
    try:
        fcntl.flock(going, how | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise Busy from error
        if error.errno not in _NO_LOCKS:
            raise


def _is(parent: int, going: int) -> bool:
    """Whether the open folder is still the one of that name."""
    with contextlib.suppress(FileNotFoundError):
        there, open_ = os.stat(FOLDER, dir_fd=parent, follow_symlinks=False), os.fstat(going)
        return (there.st_dev, there.st_ino) == (open_.st_dev, open_.st_ino)
    return False


def _leave(parent: int) -> None:
    """Take the hidden folder away, alone in it: who has just come in would lose its floor.

    Of two who leave at once, one gets the lock; whoever is at work leaves later.
    """
    with contextlib.suppress(OSError, Busy):
        going = _open(parent, make=False)
        try:
            os.rmdir(FOLDER, dir_fd=parent)  # not empty: a kill left something
        finally:
            os.close(going)


def back(parent: int, going: int, name: str, here: str | None = None) -> str:
    """Give a file its name again, or the next free one where that is taken by now; which.

    ``here`` is what it is called in the open folder ``going``, if that is another name.
    """
    for target in numbered(name):
        with contextlib.suppress(FileExistsError):
            publish.rename_noreplace(going, here or name, parent, target)
            publish.sync_folder(parent)
            publish.sync_folder(going)
            return target
    raise AssertionError("names do not end")


def put_back(parent: int) -> int:
    """Put everything back that lies in the hidden folder, or has a hidden name; how many.

    Raises `Busy` while somebody is at work there, and OSError.
    """
    return _from_folder(parent) + sum(
        _renamed(parent, name) for name in os.listdir(parent) if name.startswith(GOING_FILE)
    )


def _renamed(parent: int, name: str) -> int:
    """Give a file back its name that has a hidden one; whether it was one."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file = os.open(name, flags, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
            return 0
        raise
    try:
        plain = name.removeprefix(GOING_FILE)
        if not stat.S_ISREG(os.fstat(file).st_mode) or not plain:
            return 0  # not ours
        _lock(file, fcntl.LOCK_EX)
        back(parent, parent, plain, name)
    finally:
        os.close(file)
    return 1


def _from_folder(parent: int) -> int:
    try:
        going = _open(parent, make=False)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return 0  # none, or nothing of ours
        raise
    count = 0
    try:
        for name in os.listdir(going):
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISDIR(os.stat(name, dir_fd=going, follow_symlinks=False).st_mode):
                    continue  # not ours
                back(parent, going, name)
                count += 1
    finally:
        os.close(going)
    _leave(parent)
    publish.sync_folder(parent)
    return count
