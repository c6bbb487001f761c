"""The hidden folder through which an original goes: moved there, looked at, removed or put back.

What has a name at the moment of a check need not have it at the moment of the removal.  So an
original is first renamed into `.nobgd-going/` in its own folder, under its own name; there it is
nobody's but ours, and what is checked is what is removed.  Who is at work there holds a shared
lock on the folder; what a kill left in it is put back by `put_back`, which takes the lock alone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator

from nobgd.fs import publish
from nobgd.fs.names import GOING, numbered

FOLDER = GOING
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.EBADF}


class Busy(Exception):  # noqa: N818 - a state
    """Somebody else is at work in the hidden folder."""


@contextlib.contextmanager
def entered(parent: int) -> Iterator[int]:
    """A descriptor of the hidden folder in the open folder ``parent``, made where missing.

    It leaves with the last who used it.  Raises OSError, or `Busy` while it is being cleared.
    """
    going = _open(parent, make=True)
    try:
        yield going
    finally:
        os.close(going)
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


def back(parent: int, going: int, name: str) -> str:
    """Give a file its name again, or the next free one where that is taken by now; which."""
    for target in numbered(name):
        with contextlib.suppress(FileExistsError):
            publish.rename_noreplace(going, name, parent, target)
            publish.sync_folder(parent)
            publish.sync_folder(going)
            return target
    raise AssertionError("names do not end")


def put_back(parent: int) -> int:
    """Put everything back that lies in the hidden folder; how many.

    Raises `Busy` while somebody is at work there, and OSError.
    """
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
