"""Move an original into the archive, as it was: bytes, times, mode, attributes.

Within one file system it is a rename.  Across two (always, where a unit binds each folder by
itself) it is copy, fsync, rename without clobbering, fsync of the folder; the caller's file goes
only after that.  A kill in between, or a removal that fails, leaves a copy, which is found by its
bytes when the archiving is done again: there are not two, unless the original's owner gave it
another name meanwhile.  The copy is not taken back: a removal that failed may have happened.

What a file system refuses (times, attributes, owner: CIFS, vfat) is no failure.  A copy is never
readable for more people than the original was: where its group is another one, or its access list
could not be kept, the group gets no more than everybody had.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from nobgd.fs import publish, tree
from nobgd.fs.faults import failure
from nobgd.fs.names import numbered
from nobgd.values import Code, NobgdError
from nobgd.values.mount import Mount

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ACCESS_LIST = "system.posix_acl_access"
_LOOKED_AT = 16  # names tried in order; then the one that the photo's hash gives
_PIECE = 8 << 20


@dataclass(frozen=True, slots=True)
class Archive:
    """Where to, and what that folder lay on when it was last found good."""

    path: str
    mount: Mount | None = None


def put(hidden: int, file: int, here: str, relpath: str, sha256: str, archive: Archive) -> None:
    """Move ``here`` of the open folder ``hidden``, open as ``file``, to ``relpath`` in the archive.

    Raises `NobgdError` whose place is the archive.
    """
    name = os.path.basename(relpath)
    parts = [part for part in os.path.dirname(relpath).split("/") if part]
    try:
        with tree.within(archive.path, parts, archive.mount) as folder:
            if os.fstat(hidden).st_dev == os.fstat(folder).st_dev:
                with contextlib.suppress(_OtherFileSystem):
                    _rename(hidden, here, name, folder, sha256)
                    return
            _copy(file, name, folder, sha256)
        os.unlink(here, dir_fd=hidden)
    except NobgdError as error:
        raise NobgdError(error.code, error.reason, archive.path) from error
    except OSError as error:
        said = failure(error, f"cannot move {relpath} to the archive {archive.path}")
        raise NobgdError(said.code, said.reason, archive.path) from error


class _OtherFileSystem(Exception):  # noqa: N818 - a fact
    """A rename cannot reach there."""


def _names(name: str, sha256: str) -> list[str]:
    """Names to try: numbered ones, then those by the hash, which do not run out in practice."""
    stem, dot = os.path.splitext(name)
    by_hash = os.fsdecode(os.fsencode(stem)[:180]) + f"-{sha256[:16]}{dot[:32]}"
    return [*islice(numbered(name), _LOOKED_AT), *islice(numbered(by_hash), 1000)]


def _rename(hidden: int, here: str, name: str, folder: int, sha256: str) -> None:
    for target in _names(name, sha256):
        try:
            publish.rename_noreplace(hidden, here, folder, target)
        except FileExistsError:
            continue
        except OSError as error:
            if error.errno == errno.EXDEV:  # two mounts of one file system
                raise _OtherFileSystem from error
            raise
        publish.sync_folder(folder)
        return
    raise NobgdError(
        Code.NAME_TAKEN, f"the archive holds too many files called {name}; clear it out"
    )


def _copy(file: int, name: str, folder: int, sha256: str) -> None:
    info = os.fstat(file)
    for target in _names_before(name, sha256):
        if _holds(folder, target, info.st_size, sha256, info.st_mtime_ns):
            publish.settle(folder, target)
            return
    for target in _names(name, sha256):
        if _holds(folder, target, info.st_size, sha256):
            publish.settle(folder, target)  # a copy of before a kill
            return
        if publish.exists(folder, target):
            continue
        with contextlib.suppress(publish.Taken):
            _write(file, info, folder, target, sha256)
            return
    raise NobgdError(
        Code.NAME_TAKEN, f"the archive holds too many files called {name}; clear it out"
    )


def _names_before(name: str, sha256: str) -> Iterator[str]:
    """Names that a copy of before a kill may have, where the original was put back as ``name``.

    A new photo had taken its own by then, so it got a number (`going.back`).
    """
    stem, dot = os.path.splitext(name)
    before, dash, number = stem.rpartition("-")
    if dash and before and number.isascii() and number.isdigit():
        yield from _names(before + dot, sha256)[: _LOOKED_AT + 1]


def _holds(
    folder: int, name: str, size: int, sha256: str, mtime_ns: int | None = None
) -> bool:  # fmt: skip
    """Whether a plain file of that name has these very bytes, and this time if one is given."""
    try:
        file = os.open(name, _READ, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.EACCES):
            return False
        raise
    with os.fdopen(file, "rb", buffering=0) as stream:
        info = os.fstat(file)
        if not stat.S_ISREG(info.st_mode) or info.st_size != size:
            return False
        if mtime_ns not in (None, info.st_mtime_ns):
            return False
        return hashlib.file_digest(stream, "sha256").hexdigest() == sha256


def _write(file: int, info: os.stat_result, folder: int, target: str, sha256: str) -> None:
    os.lseek(file, 0, os.SEEK_SET)
    digest = hashlib.sha256()
    with publish.temporary(folder, 0o600) as probe:  # of which group are new files here?
        group = os.fstat(probe.file).st_gid
    mode = mode_of(info, group, access_list=_ACCESS_LIST in _names_of_attributes(file))
    with publish.temporary(folder, mode, exactly=True) as temp:
        while piece := os.read(file, _PIECE):
            digest.update(piece)
            publish.write_all(temp.file, piece)
        if digest.hexdigest() != sha256:
            raise NobgdError(Code.CHANGED, f"{target} changed while it was copied to the archive")
        _attributes(file, temp.file)
        with contextlib.suppress(OSError):
            os.utime(temp.file, ns=(info.st_atime_ns, info.st_mtime_ns))
        temp.publish(target, info.st_size)


def mode_of(info: os.stat_result, group: int, *, access_list: bool) -> int:
    """The mode of a copy that belongs to us and to ``group``, never wider than the original's.

    With an access list the mode's bits for the group are the list's mask, which says who comes in
    only with the list itself; that sets them again when the file system takes it.
    """
    mode = info.st_mode & 0o777
    if group != info.st_gid or access_list:  # others than its group would come in
        mode &= 0o707 | (mode & 0o007) << 3
    return mode | stat.S_IRUSR  # we have read it


def _attributes(file: int, copy: int) -> None:
    """Extended attributes, access lists among them, as far as they are taken."""
    for name in _names_of_attributes(file):
        with contextlib.suppress(OSError):
            os.setxattr(copy, name, os.getxattr(file, name))


def _names_of_attributes(file: int) -> list[str]:
    try:
        return os.listxattr(file)
    except OSError:
        return []
