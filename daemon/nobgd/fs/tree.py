"""Folders below a root of ours, entered part by part: made where missing, links not followed.

A part that the disk does not take is spelt otherwise (see `spelling`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator

from nobgd.fs import mounts, publish, spelling
from nobgd.fs.faults import OF_A_NAME, OF_A_NAME_PERHAPS, failure
from nobgd.values import Code, NobgdError
from nobgd.values.mount import Mount


@contextlib.contextmanager
def within(
    root: str, parts: Iterable[str] = (), mount: Mount | None = None
) -> Iterator[int]:  # fmt: skip
    """A descriptor of ``root/parts…``, made where missing below ``root``, links not followed.

    A part that the disk does not take is spelt otherwise (see `spelling`).  Raises `NobgdError`
    GONE_AWAY when ``root`` is not on ``mount`` any more (see `mounts`): a bare mount point is
    writable, and that is how photos end up on the root disk.
    """
    with spelt_within(root, parts, mount) as (descriptor, _):
        yield descriptor


def walk(folder: int) -> Iterator[tuple[int, list[str]]]:
    """An open folder and each below it: a descriptor, good until the next, and its files' names.

    Links in it are not followed.  It is open, as `os.fwalk` does not enter a root that is a link.
    """
    for _, _, files, descriptor in os.fwalk(".", follow_symlinks=False, dir_fd=folder):
        yield descriptor, files


@contextlib.contextmanager
def spelt_within(
    root: str, parts: Iterable[str], mount: Mount | None = None
) -> Iterator[tuple[int, str]]:
    """The same as `within`, and the path from ``root`` as it is spelt on the disk."""
    try:
        descriptor = mounts.open_root(root, mount)
    except OSError as error:
        raise _place(error, root) from error
    spelt = []
    try:
        for part in parts:
            below, name = _enter_spelt(descriptor, part, root)
            os.close(descriptor)
            descriptor = below
            spelt.append(name)
        yield descriptor, "/".join(spelt)
    except OSError as error:
        raise _place(error, root) from error
    finally:
        os.close(descriptor)


def _enter_spelt(parent: int, name: str, root: str) -> tuple[int, str]:
    """Enter or make one folder, under another spelling where the disk does not take its name."""
    others = spelling.variants(name)
    for other in others:  # made before, when the disk refused the name itself
        with contextlib.suppress(OSError):
            if stat.S_ISDIR(os.stat(other, dir_fd=parent, follow_symlinks=False).st_mode):
                return _enter(parent, other, root), other
    try:
        return _enter(parent, name, root), name
    except OSError as error:
        if not refuses(parent, name, error):
            raise
        for other in others:
            with contextlib.suppress(OSError):
                return _enter(parent, other, root), other
        number = errno.errorcode.get(error.errno or 0, "")
        raise NobgdError(
            Code.UNSUPPORTED,
            f"the disk of {root} does not take a folder called {name} ({number}); rename it",
        ) from error


def refuses(descriptor: int, name: str, error: OSError) -> bool:
    """Whether ``error`` came of the name, which this disk does not take, and not of the place.

    Some systems say so with an errno that is also the place's (exFAT by FUSE: ENOENT).  So a
    folder of that name is tried, which must fail, and a file of another, which must not.
    """
    if error.errno not in OF_A_NAME and not (
        error.errno in OF_A_NAME_PERHAPS and spelling.variants(name)
    ):
        return False
    try:
        os.mkdir(name, dir_fd=descriptor)
    except FileExistsError:
        return False
    except OSError as again:
        if again.errno not in OF_A_NAME | OF_A_NAME_PERHAPS:
            return False
        with contextlib.suppress(OSError):
            publish.probe(descriptor)
            return True
        return False
    os.rmdir(name, dir_fd=descriptor)
    return False


def _enter(parent: int, name: str, root: str) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=parent)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o777, dir_fd=parent)
            publish.sync_folder(parent)
        return os.open(name, flags, dir_fd=parent)
    except NotADirectoryError:
        raise NobgdError(
            Code.NAME_TAKEN,
            f"{root} has a file or link called {name} where a folder is needed;"
            " move it away and run `nobgd retry`",
        ) from None


def _place(error: OSError, root: str) -> NobgdError:
    said = failure(error, f"cannot write to {root}")
    if said.code is Code.VANISHED:  # a folder of ours, not a photo
        return NobgdError(Code.GONE_AWAY, f"{root} is not there; make it, or mount its share")
    return said
