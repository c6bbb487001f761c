"""Archive or delete an original: the one way by which a photo that was dropped ever goes.

The order is: the inbox is the folder that it was; the output is whole, of these very bytes and on
disk; nobody writes and nobody has for long (`barrier`); then the file is moved into a hidden
folder (`going`), and there it must be the very bytes that were worked on.  Only then it is removed
or archived, and both folders are synced.  Whatever else is found, it is put back under its name,
or the next free one if somebody took that meanwhile.

Diagnostics: an original that waits for quiet answers the milliseconds; one that stays raises
`NobgdError` with the code that `source.kept` says, and the folder that failed as its place.
VANISHED: it is neither under its name nor in the hidden folder; CHANGED: it is another photo now.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import math
import os
import stat
import time
from collections.abc import Callable, Iterator

from nobgd.fs import mounts, publish
from nobgd.fs.beneath import open_beneath
from nobgd.fs.faults import failure
from nobgd.fs.names import GOING_FILE, NAME_BYTES
from nobgd.lane import archive, going
from nobgd.picture import provenance
from nobgd.values import Code, NobgdError, barrier
from nobgd.values.errands import Dispose, PutBack
from nobgd.values.mount import Mount

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_F_SETLEASE = 1024  # linux/fcntl.h
_NO_SEEK = {errno.EINVAL, errno.ENXIO, errno.EOPNOTSUPP}


def put_back(errand: PutBack) -> int:
    """See `PutBack`."""
    with _folder(errand.inbox, errand.relpath, errand.mount) as folder:
        try:
            return going.put_back(folder)
        except going.Busy:
            return -1


def dispose(errand: Dispose, keep: Callable[[], str]) -> int:
    """See `Dispose`; ``keep`` looks at the photo again where nobody knows whether it may go."""
    if errand.keep:
        raise NobgdError(Code(errand.keep), barrier.kept(errand.relpath, Code(errand.keep)))
    began = time.monotonic()
    parent, name = os.path.split(errand.relpath)
    with _folder(errand.inbox, parent, errand.mount) as folder:
        _adopt(folder, name)
        before = _look(folder, name, errand)
        output = _output(errand)
        try:
            with going.entered(folder) as room:
                wait = _wait(folder, room, name, errand, before, began)
                if wait is not None:
                    return _told(wait, errand)
                if errand.keep is None and (code := keep()):
                    raise NobgdError(Code(code), barrier.kept(errand.relpath, Code(code)))
                _go(folder, room, name, _aside(folder, room, name), errand, output)
        except going.Busy:
            return 1000
        with contextlib.suppress(OSError):  # it has gone; at worst a power cut brings it back
            publish.sync_folder(folder)
    return 0


def _aside(folder: int, room: going.Room, name: str) -> str:
    """Move it into the hidden folder; one that another machine took away is made anew later."""
    try:
        return room.take(folder, name)
    except FileNotFoundError:
        if publish.exists(folder, name):
            raise going.Busy from None
        raise


def _adopt(folder: int, name: str) -> None:
    """What a killed lane left in the hidden folder gets its name again first."""
    for hidden in (f"{going.FOLDER}/{name}", f"{GOING_FILE}{name}"):
        with contextlib.suppress(FileNotFoundError, going.Busy):
            if len(os.fsencode(os.path.basename(hidden))) <= NAME_BYTES:
                os.stat(hidden, dir_fd=folder, follow_symlinks=False)
                going.put_back(folder)


def _look(folder: int, name: str, errand: Dispose) -> os.stat_result:
    try:
        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError as error:
        raise failure(error, f"cannot take {errand.relpath} away") from error
    if not stat.S_ISREG(seen.st_mode) or _size_and_time(seen) != (errand.size, errand.mtime_ns):
        raise NobgdError(Code.CHANGED, f"{errand.relpath} is another photo now; it is kept")
    return seen


def _size_and_time(info: os.stat_result) -> tuple[int, int]:
    return info.st_size, info.st_mtime_ns


def _output(errand: Dispose) -> os.stat_result:
    """The output, when it is whole, of these bytes, ours, and on disk.  Raises NobgdError."""
    os.close(mounts.open_root(errand.outbox, errand.outbox_mount))
    try:
        with open(os.open(errand.output, _READ), "rb") as stream:
            said = provenance.find(stream.read(provenance.HEAD_BYTES))
            stream.seek(0)
            mine = said is not None and (
                (said.sha256, said.recipe) == (errand.sha256, errand.recipe)
                and (said.inbox, said.source) == (errand.inbox_key, errand.relpath)
            )
            if not (mine and provenance.whole(stream)):
                raise NobgdError(
                    Code.OUTPUT_CHANGED,
                    f"{errand.relpath} stays: {errand.output} is not, or not any more, its whole"
                    " cut-out; move it away and change the photo, or take the photo yourself",
                )
            seen = os.fstat(stream.fileno())
            os.fsync(stream.fileno())
        folder = os.open(os.path.dirname(errand.output), _FOLDER)
        try:
            publish.sync_folder(folder)
        finally:
            os.close(folder)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NobgdError(
            Code.OUTPUT_GONE,
            f"{errand.relpath} stays: its cut-out {errand.output} was taken away before"
            f" {errand.need_s:.0f} s of quiet were over; leave cut-outs for so long, put it back,"
            " or take the photo yourself",
        ) from error
    except OSError as error:
        raise failure(error, f"{errand.relpath} stays: cannot read {errand.output}") from error
    return seen


def _wait(
    folder: int, room: going.Room, name: str, errand: Dispose, before: os.stat_result, began: float
) -> barrier.Wait | None:
    file = os.open(name, _READ, dir_fd=folder)
    try:
        if not os.path.samestat(before, os.fstat(file)):
            raise NobgdError(Code.CHANGED, f"{errand.relpath} is another photo now; it is kept")
        # The hidden folder was made or used just now, by the clock that ctimes are of.
        stored = None
        if not room.prefix:
            stored = (os.fstat(room.folder).st_ctime_ns - before.st_ctime_ns) / 1e9
        seen = barrier.Seen(
            errand.quiet_s + (time.monotonic() - began), stored,
            time.clock_gettime(time.CLOCK_BOOTTIME),
            _writer(folder, file), _holes(file, before),
        )  # fmt: skip
        return barrier.judge(seen, errand.need_s)
    finally:
        os.close(file)


def _told(wait: barrier.Wait, errand: Dispose) -> int:
    if wait.code is None:
        return max(1, math.ceil(wait.seconds * 1000))
    why = {
        Code.IN_USE: "a program has it open for writing",
        Code.HOLES: "it has holes, as a file has whose parts are still to come",
    }[wait.code]
    raise NobgdError(wait.code, f"{errand.relpath} stays for now: {why}; it is tried again")


def _writer(folder: int, file: int) -> bool | None:
    """Whether somebody has the open file open for writing; None where the kernel does not know.

    A read lease is only given when nobody has (fcntl(2), F_SETLEASE).  A network file system
    refuses with the same error for reasons of its own, so only a local one is believed.
    """
    try:
        if not mounts.identify(folder).local:
            return None
        fcntl.fcntl(file, _F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, _F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    return False


def _holes(file: int, info: os.stat_result) -> bool:
    """Whether ranges of the open file were never written."""
    try:
        return os.lseek(file, 0, os.SEEK_HOLE) < info.st_size
    except OSError as error:
        if error.errno not in _NO_SEEK:
            raise
        return info.st_blocks * 512 < info.st_size // 2


def _go(
    folder: int, room: going.Room, name: str, here: str, errand: Dispose, output: os.stat_result
) -> None:
    """Remove what lies in the hidden folder, or put it back and raise."""
    hidden = room.folder
    try:
        file = os.open(here, _READ, dir_fd=hidden)
        try:
            _same(folder, file, errand)
            if not _still(errand.output, output):
                _output(errand)
            if errand.archive is not None:
                place = archive.Archive(errand.archive, errand.archive_mount)
                archive.put(hidden, file, here, errand.relpath, errand.sha256, place)
            else:
                os.unlink(here, dir_fd=hidden)
        finally:
            os.close(file)
        publish.sync_folder(hidden)
    except BaseException as error:
        try:
            going.back(folder, hidden, name, here)
        except FileNotFoundError:
            said = f"{errand.relpath} has gone; after that: {error}"
            raise NobgdError(Code.VANISHED, said) from error
        raise


def _still(output: str, before: os.stat_result) -> bool:
    """Whether the output is the file that was read whole just now."""
    with contextlib.suppress(OSError):
        now = os.stat(output, follow_symlinks=False)
        return os.path.samestat(now, before) and _size_and_time(now) == _size_and_time(before)
    return False


def _same(folder: int, file: int, errand: Dispose) -> None:
    """These are the bytes that were worked on, and nobody writes.  Raises NobgdError."""
    before = os.fstat(file)
    changed = NobgdError(Code.CHANGED, f"{errand.relpath} is another photo now; it is kept")
    if not stat.S_ISREG(before.st_mode) or _size_and_time(before) != (errand.size, errand.mtime_ns):
        raise changed
    if _writer(folder, file):
        raise NobgdError(
            Code.IN_USE,
            f"{errand.relpath} stays for now: a program has it open for writing; it is tried again",
        )
    with os.fdopen(os.dup(file), "rb", buffering=0) as stream:
        stream.seek(0)
        if hashlib.file_digest(stream, "sha256").hexdigest() != errand.sha256:
            raise changed
    after = os.fstat(file)
    if (after.st_size, after.st_mtime_ns, after.st_ctime_ns) != (
        before.st_size, before.st_mtime_ns, before.st_ctime_ns,
    ):  # fmt: skip
        raise changed


@contextlib.contextmanager
def _folder(root: str, relpath: str, mount: Mount | None) -> Iterator[int]:
    """An open folder below an inbox; what fails there is the inbox's fault, and says so."""
    try:
        top = mounts.open_root(root, mount)
        try:
            folder = open_beneath(top, relpath, os.O_RDONLY | os.O_DIRECTORY)
        finally:
            os.close(top)
        try:
            yield folder
        finally:
            os.close(folder)
    except OSError as error:
        raise failure(error, f"cannot take a photo away from the inbox {root}") from error
