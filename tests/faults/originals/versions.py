"""What a writer finished under one name, and whether it was the writer who took it away again.

Every version is held by a descriptor that opens nothing (O_PATH), so its inode is known for as
long as anybody asks, and whatever a writer writes into or moves away is known for what it is.  A
save over a name exchanges the two files, as nobody else can tell from a rename, to see at once
what stood there.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_NOREPLACE, _EXCHANGE = 1, 2
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(slots=True, eq=False)
class Version:
    """Bytes that a writer finished."""

    number: int  # of its schedule
    how: str  # by which kind of writer, and its how manyeth version
    relpath: str
    sha256: str
    mode: int
    mtime_ns: int
    held: int  # O_PATH
    sacred: str = ""  # why a cut-out is not enough
    broken: bool = False  # will never have one
    promised: bool = False  # its copy in quarantine was seen, and the original cleared out
    destroyed: bool = False  # by its writer
    moved: bool = False  # it was given another name in the inbox

    def is_it(self, descriptor: int) -> bool:
        """Whether the open file is this one."""
        mine, other = os.fstat(self.held), os.fstat(descriptor)
        return (mine.st_dev, mine.st_ino) == (other.st_dev, other.st_ino)


@dataclass(slots=True)
class Hand:
    """One writer's hold of one name in one inbox, as the machine sees it that has the disk."""

    number: int
    kind: str
    folder: Path  # the inbox
    relpath: str
    versions: list[Version] = field(default_factory=list)
    mode: int = 0o644
    mtime_ns: int | None = None  # of the files it makes; None: as they come

    @property
    def path(self) -> str:
        """The name."""
        return os.path.join(self.folder, self.relpath)

    @property
    def hidden(self) -> str:
        """A name for what is not finished yet, which nobgd ignores."""
        folder, name = os.path.split(self.path)
        return os.path.join(folder, f".{name}.part")

    # --- whole files ---------------------------------------------------------------------

    def drop(self, data: bytes, *, like: os.stat_result | None = None, **said: object) -> Version:
        """Put a file there as programs do that write to another name first.

        ``like``: with the mode and the times of this file, as ``exiftool -P`` keeps them.
        """
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.hidden, "wb") as out:
            out.write(data)
        os.chmod(self.hidden, self.mode if like is None else like.st_mode & 0o7777)
        if like is not None:
            os.utime(self.hidden, ns=(like.st_atime_ns, like.st_mtime_ns))
        elif self.mtime_ns is not None:
            os.utime(self.hidden, ns=(self.mtime_ns, self.mtime_ns))
        version = self._hold(self.hidden, data, **said)
        while True:
            try:
                _rename(self.hidden, self.path, _EXCHANGE)
            except FileNotFoundError:
                with contextlib.suppress(FileExistsError):
                    _rename(self.hidden, self.path, _NOREPLACE)
                    break
            else:
                self._took(self.hidden)
                os.unlink(self.hidden)
                break
        self.versions.append(version)
        return version

    def remove(self) -> bool:
        """Clear the name out, as its owner may; False when it had gone."""
        try:
            os.rename(self.path, self.hidden)
        except FileNotFoundError:
            return False
        self._took(self.hidden)
        os.unlink(self.hidden)
        return True

    def move(self, relpath: str) -> bool:
        """Give the file another name in the inbox; False when it had gone."""
        target = os.path.join(self.folder, relpath)
        try:
            _rename(self.path, target, _NOREPLACE)
        except (FileNotFoundError, FileExistsError):
            return False
        with _opened(target, os.O_PATH) as descriptor:
            for each in self.versions:
                if each.is_it(descriptor):
                    each.relpath, each.moved = relpath, True
        return True

    # --- into what stands there ----------------------------------------------------------

    def begin(self, flags: int = 0) -> int:
        """Open the name for writing; what stood there is its writer's to spoil."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | flags, self.mode)
        self._spoil(descriptor)
        return descriptor

    def finish(self, descriptor: int, **said: object) -> Version:
        """Close a file that was written through this descriptor: a version."""
        if self.mtime_ns is not None:
            os.utime(descriptor, ns=(self.mtime_ns, self.mtime_ns))
        return self.close(descriptor, **said)

    def close(self, descriptor: int, **said: object) -> Version:
        """The same with the times as they are."""
        data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        version = self._hold(f"/proc/self/fd/{descriptor}", data, **said)
        os.close(descriptor)
        self.versions.append(version)
        return version

    def _hold(self, path: str, data: bytes, **said: Any) -> Version:
        held = os.open(path, os.O_PATH | os.O_CLOEXEC)
        info = os.stat(path)
        return Version(
            self.number, f"{self.kind} {len(self.versions) + 1}", self.relpath,
            hashlib.sha256(data).hexdigest(), info.st_mode & 0o7777, info.st_mtime_ns, held,
            **said,
        )  # fmt: skip

    def _took(self, path: str) -> None:
        with _opened(path, os.O_PATH) as descriptor:
            self._spoil(descriptor)

    def _spoil(self, descriptor: int) -> None:
        for each in self.versions:
            if each.is_it(descriptor):
                each.destroyed = True

    def forget(self) -> None:
        """Let go of everything."""
        for each in self.versions:
            os.close(each.held)
        self.versions.clear()


@contextlib.contextmanager
def _opened(path: str, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _rename(source: str, target: str, flags: int) -> None:
    if _libc.renameat2(-100, os.fsencode(source), -100, os.fsencode(target), flags):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def refused(error: OSError) -> bool:
    """Whether a writer met the fault of the disk that was made for it."""
    return error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS)
