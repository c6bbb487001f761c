"""A copy of a photo that cannot be done, with the reason beside it; and taking both away again.

The original is read, never changed.  A copy that lies there stays: other bytes under the same name
get the next number, and the same bytes are not copied twice, so what a kill cut short is finished
when it is done again.  Whoever drops files cannot fill the disk: copies take what `room` allows,
and even reasons leave something for the ledger.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import stat
import time
from collections.abc import Iterable
from itertools import islice

from nobgd.fs import mounts, publish, tree
from nobgd.fs.beneath import open_beneath
from nobgd.fs.faults import failure
from nobgd.fs.names import NAME_BYTES, numbered, shown
from nobgd.values import Code, NobgdError
from nobgd.values.errands import COPIED, LARGE, LIMIT, ROOM, STATES, UNREADABLE, Release, SetAside

_LARGEST = 512_000_000  # bytes
_SHARE = 0.1  # of the space that is free or that copies take, where no limit is set
_RESERVE_BYTES, _RESERVE_SHARE = 100_000_000, 0.05  # left free by copies
_LAST_SHARE = 0.02  # left free by reasons
_NAMES = 10_000
_PIECE = 8 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def room(size: int, used: int, free: int, total: int, limit: int | None) -> int:
    """Whether a copy of so many bytes may be made: COPIED, LIMIT or ROOM; pure."""
    if free - size < max(_RESERVE_BYTES, int(total * _RESERVE_SHARE)):
        return ROOM
    if limit is None:
        limit = int((free + used) * _SHARE)
    return COPIED if used + size <= limit else LIMIT


def _reason(errand: SetAside) -> str:
    """What is written beside the copy: what is wrong, which photo it is, and what to do next."""
    photo = os.path.join(errand.inbox, errand.relpath)
    return (
        f"{errand.why}\n\nThe photo: {shown(photo)}\nPut a good one in its place and it is done by"
        f" itself, or have this one tried again: nobgd retry {shown(shlex.quote(photo))}\n"
    )


def set_aside(errand: SetAside) -> int:
    """See `SetAside`; raises NobgdError when not even the reason could be put there."""
    parts = [part for part in os.path.dirname(errand.relpath).split("/") if part]
    name = os.path.basename(errand.relpath)
    text = _reason(errand).encode(errors="backslashreplace")
    dated = text + f"Set aside: {time.strftime('%Y-%m-%d %H:%M:%S %z')}\n".encode()
    with tree.within(errand.quarantine, mount=errand.mount) as root:
        disk = os.fstatvfs(root)
    if disk.f_bavail < disk.f_blocks * _LAST_SHARE or disk.f_favail < disk.f_files * _LAST_SHARE:
        where = f"the disk of {errand.quarantine} is nearly full"
        raise NobgdError(
            Code.NO_SPACE, f"{errand.relpath} has no reason beside it: {where}; free some of it"
        )
    with contextlib.ExitStack() as stack:
        file = _original(errand, stack)
        folder = stack.enter_context(tree.within(errand.quarantine, parts, errand.mount))
        info = os.fstat(file) if file is not None else None
        number, target, there = _place(folder, name, text, file)
        publish.write(folder, why_name(target), [dated], replace=True)
        if there or info is None or file is None:
            return number * STATES + (COPIED if there else UNREADABLE)
        state = LARGE
        if info.st_size <= _LARGEST:
            free, total = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
            used = taken(errand.counted or (errand.quarantine,))
            state = room(info.st_size, used, free, total, errand.limit)
        if state == COPIED:
            state = _copy(file, info, folder, target)
        return number * STATES + state


def _original(errand: SetAside, stack: contextlib.ExitStack) -> int | None:
    """The photo, open; None when it cannot be read or is no plain file."""
    with contextlib.suppress(OSError, NobgdError):
        top = mounts.open_root(errand.inbox, errand.inbox_mount)
        try:
            file = open_beneath(top, errand.relpath, _READ)
        finally:
            os.close(top)
        stack.callback(os.close, file)
        if stat.S_ISREG(os.fstat(file).st_mode):
            return file
    return None


def _place(folder: int, name: str, text: bytes, file: int | None) -> tuple[int, str, bool]:
    """(number, name, whether these bytes lie there): the first that is ours or free."""
    for number, target in enumerate(islice(numbered(name), _NAMES)):
        copy = _open(folder, target)
        if copy is not None:
            with os.fdopen(copy, "rb", buffering=0):
                if file is not None and _equal(copy, file):
                    return number, target, True
            continue
        if publish.exists(folder, target):
            continue  # a link, a folder
        reason = _open(folder, why_name(target))
        if reason is None:
            return number, target, False
        with os.fdopen(reason, "rb") as stream:
            if stream.read(len(text)) == text:  # a kill came before the copy
                return number, target, False
    raise NobgdError(
        Code.NAME_TAKEN, f"quarantine holds too many files called {name}; clear it out"
    )


def _open(folder: int, name: str) -> int | None:
    try:
        file = os.open(name, _READ, dir_fd=folder)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    return None


def _equal(one: int, other: int) -> bool:
    if os.fstat(one).st_size != os.fstat(other).st_size:
        return False
    return _digest(one) == _digest(other)


def _digest(file: int) -> bytes:
    with os.fdopen(os.dup(file), "rb", buffering=0) as stream:
        stream.seek(0)
        return hashlib.file_digest(stream, "sha256").digest()


def _copy(file: int, info: os.stat_result, folder: int, target: str) -> int:
    os.lseek(file, 0, os.SEEK_SET)
    count = 0
    try:
        with publish.temporary(folder, info.st_mode & 0o666) as temp:
            while piece := os.read(file, _PIECE):
                count += publish.write_all(temp.file, piece)
                if count > info.st_size:
                    return UNREADABLE  # it grows: it is looked at anew
            temp.publish(target, count)
    except publish.Taken:
        return UNREADABLE
    except OSError as error:
        return ROOM if failure(error, "").code in (Code.NO_SPACE, Code.QUOTA) else UNREADABLE
    return COPIED


def taken(folders: Iterable[str]) -> int:
    """Bytes on disk of everything in these folders."""
    total = 0
    for each in folders:
        folder = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for descriptor, files in tree.walk(folder):
                for name in files:
                    with contextlib.suppress(OSError):
                        info = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                        total += info.st_blocks * 512
        finally:
            os.close(folder)
    return total


def why_name(name: str) -> str:
    """What the reason beside a copy is called."""
    suffix = ".why.txt"
    raw = os.fsencode(name)
    if len(raw) + len(suffix) > NAME_BYTES:
        raw = raw[: NAME_BYTES - len(suffix)]
    return os.fsdecode(raw) + suffix


def release(errand: Release) -> int:
    """See `Release`.  What is not there is fine."""
    parts = [part for part in os.path.dirname(errand.relpath).split("/") if part]
    name = next(islice(numbered(os.path.basename(errand.relpath)), errand.number, None))
    if not os.path.isdir(errand.quarantine):
        return 0
    with tree.within(errand.quarantine, parts, errand.mount) as folder:
        if errand.standing and not _stands(errand, folder, name):
            return 1
        for each in (name, why_name(name)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(each, dir_fd=folder)
        publish.sync_folder(folder)
    return 0


def _stands(errand: Release, folder: int, name: str) -> bool:
    """Whether the original has the bytes of its copy, or there is no copy."""
    copy = _open(folder, name)
    if copy is None:
        return True
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, copy)
        original = _original(SetAside(errand.inbox, errand.relpath, "", ""), stack)
        return original is not None and _equal(copy, original)
