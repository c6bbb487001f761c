"""A FUSE file system that shows a folder, and fails one kind of operation on demand.

``python -m faults.faulty FOLDER MOUNTPOINT`` serves until it is unmounted.  Setting the extended
attribute ``user.fault`` of its root to ``OPERATION ERRNO COUNT`` makes the next COUNT operations
of that kind fail, whoever asks; ``user.fired`` says how many have since.  ``user.refuse`` set to
``NAMES ERRNO`` makes it a disk that does not take such names.
"""

# ruff: noqa: ARG002 - the arguments are libfuse's
from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mfusepy

from faults.house import until

OPERATIONS = (
    "open", "write", "fsync", "close", "rename", "dir-fsync", "stat", "listdir", "read", "unlink",
    "mkdir", "chmod", "utimens",
)  # fmt: skip
_FAULT, _FIRED, _REFUSE = "user.fault", "user.fired", "user.refuse"
_libc = ctypes.CDLL(None, use_errno=True)
NO_CACHE = {"attr_timeout": 0, "entry_timeout": 0, "negative_timeout": 0}


class Faulty(mfusepy.Operations):  # type: ignore[misc]  # mfusepy has no types
    """Everything is passed on to the folder below; paths begin with a slash."""

    use_ns = True

    def __init__(self, below: str) -> None:
        self._below = below
        self._operation, self._errno, self._left, self._fired = "", 0, 0, 0
        self._refuses, self._refusal = "", 0

    def _do(self, operation: str, path: str) -> str:
        """The path below; raises the fault if it is this operation's turn."""
        if operation == self._operation and self._left > 0:
            self._left -= 1
            self._fired += 1
            raise mfusepy.FuseOSError(self._errno)
        return self._below + path

    def _new(self, path: str) -> None:
        """Raise the refusal of a name that this disk does not take."""
        name = os.path.basename(path)
        if {
            "colons": ":" in name, "bytes": not name.isprintable(), "letters": not name.isascii(),
            "long": len(os.fsencode(name)) > 143,
        }.get(self._refuses, False):  # fmt: skip
            raise mfusepy.FuseOSError(self._refusal)

    def setxattr(self, path: str, name: str, value: bytes, *_: Any) -> int:
        if (path, name) == ("/", _REFUSE):
            self._refuses, number = value.decode().split()
            self._refusal = int(number)
            return 0
        if (path, name) != ("/", _FAULT):
            raise mfusepy.FuseOSError(errno.ENOTSUP)
        self._operation, number, count = value.decode().split()
        self._errno, self._left, self._fired = int(number), int(count), 0
        return 0

    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        if (path, name) != ("/", _FIRED):
            raise mfusepy.FuseOSError(errno.ENOTSUP)
        return str(self._fired).encode()

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        seen = os.lstat(self._do("stat", path))
        names = ("mode", "ino", "nlink", "uid", "gid", "size", "blocks")
        found: dict[str, Any] = {f"st_{name}": getattr(seen, f"st_{name}") for name in names}
        return {**found, **{f"st_{t}time": getattr(seen, f"st_{t}time_ns") for t in "amc"}}

    def opendir(self, path: str) -> int:
        return os.open(self._below + path, os.O_RDONLY | os.O_DIRECTORY)

    def readdir(self, path: str, fh: int) -> Iterable[str]:
        return [".", "..", *os.listdir(self._do("listdir", path))]

    def releasedir(self, path: str, fh: int) -> int:
        os.close(fh)
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        self._do("dir-fsync", path)
        os.fsync(fh)
        return 0

    def open(self, path: str, flags: int) -> int:
        return os.open(self._do("open", path), flags)

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        self._new(path)
        flags = os.O_CREAT | os.O_RDWR | os.O_EXCL
        return os.open(self._do("open", path), flags, mode)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        self._do("read", path)
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        self._do("write", path)
        return os.pwrite(fh, data, offset)

    def flush(self, path: str, fh: int) -> int:
        self._do("close", path)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self._do("fsync", path)
        os.fsync(fh)
        return 0

    def release(self, path: str, fh: int) -> int:
        os.close(fh)
        return 0

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        os.truncate(self._below + path, length)
        return 0

    def rename(self, old: str, new: str, flags: int = 0) -> int:
        self._new(new)
        source, target = self._do("rename", old), self._below + new
        names = os.fsencode(source), os.fsencode(target)
        if _libc.renameat2(-100, names[0], -100, names[1], flags):
            raise mfusepy.FuseOSError(ctypes.get_errno())
        return 0

    def link(self, target: str, source: str) -> int:
        self._new(target)
        os.link(self._below + source, self._below + target)
        return 0

    def unlink(self, path: str) -> int:
        os.unlink(self._do("unlink", path))
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        self._new(path)
        os.mkdir(self._do("mkdir", path), mode)
        return 0

    def rmdir(self, path: str) -> int:
        os.rmdir(self._below + path)
        return 0

    def chmod(self, path: str, mode: int) -> int:
        os.chmod(self._do("chmod", path), mode)
        return 0

    def utimens(self, path: str, times: Any = None) -> int:
        os.utime(self._do("utimens", path), ns=times)
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        seen = os.statvfs(self._below + path)
        names = ("bavail", "bfree", "blocks", "bsize", "favail", "ffree", "files", "frsize")
        return {f"f_{name}": getattr(seen, f"f_{name}") for name in names}


class Fuse(mfusepy.FUSE):  # type: ignore[misc]  # mfusepy has no types
    """What serves it."""

    def rename_fuse_3(self, old: bytes, new: bytes, flags: int) -> int:
        """With the flags, which mfusepy 3.1 leaves out: RENAME_NOREPLACE has to be obeyed."""
        done: int = self.operations.rename(os.fsdecode(old), os.fsdecode(new), flags)
        return done


class Mount:
    """One such file system, mounted while the object is open."""

    def __init__(
        self, below: Path, point: Path, module: str = "faults.faulty", *words: str
    ) -> None:
        """``module`` serves it, another one with its ``words``."""
        for folder in (below, point):
            folder.mkdir(parents=True, exist_ok=True)
        self.below, self.point = below, point
        command = [sys.executable, "-m", module, str(below), str(point), *words]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(command, env=environment)
        until(lambda: os.path.ismount(point), 30, "the FUSE file system is mounted")

    def fail(self, operation: str, number: int, count: int) -> None:
        """Let the next ``count`` operations of this kind fail with the errno ``number``."""
        os.setxattr(self.point, _FAULT, f"{operation} {number} {count}".encode())

    def refuse(self, names: str, number: int) -> None:
        """Take no names with ``colons``, ``bytes`` or ``letters``, or ``long`` ones: ``number``."""
        os.setxattr(self.point, _REFUSE, f"{names} {number}".encode())

    def lift(self) -> int:
        """No fault any more; how many there were."""
        fired = int(os.getxattr(self.point, _FIRED))
        self.fail("nothing", 0, 0)
        return fired

    def fired(self) -> int:
        """How many there were since `fail`."""
        return int(os.getxattr(self.point, _FIRED))

    def close(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", "-l", str(self.point)], check=False, capture_output=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.wait(30)


if __name__ == "__main__":
    options: dict[str, Any] = {**NO_CACHE, "allow_other": True, "fsname": "faulty"}
    Fuse(Faulty(sys.argv[1]), sys.argv[2], foreground=True, nothreads=True, **options)
