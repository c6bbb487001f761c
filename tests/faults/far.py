"""A FUSE file system like a client of NFS or SMB: times are coarse, and new names come late.

``python -m faults.far FOLDER MOUNTPOINT GRAIN_NS HIDE_S`` serves until it is unmounted.  Times are
cut to GRAIN_NS, as SMB (100 ns), ext3 (1 s) and FAT (2 s) do.  A name that others made is not there
until HIDE_S after, unless it was met: who is refused a name since it is taken knows it from then
on, as a kernel's client does.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

import mfusepy

from faults.faulty import NO_CACHE, Faulty, Fuse


class Far(Faulty):
    """As `Faulty`, without faults."""

    def __init__(self, below: str, grain_ns: int, hide_s: float) -> None:
        super().__init__(below)
        self._grain_ns, self._hide_s = grain_ns, hide_s
        self._met: set[str] = set()  # names, by path

    def _do(self, operation: str, path: str) -> str:
        """The path below; raises ENOENT where that is not known here yet."""
        if not self._visible(path):
            raise mfusepy.FuseOSError(errno.ENOENT)
        return super()._do(operation, path)

    def _visible(self, path: str) -> bool:
        try:
            born = os.lstat(self._below + path).st_ctime
        except OSError:
            self._met.discard(path)
            return True  # it is not there, which the operation finds out itself
        if path != "/" and path not in self._met and time.time() - born < self._hide_s:
            return False
        self._met.add(path)
        return True

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        found = super().getattr(path, fh)
        for name in ("st_atime", "st_mtime", "st_ctime"):
            found[name] -= found[name] % self._grain_ns
        return found

    def readdir(self, path: str, fh: int) -> Iterable[str]:
        return [
            name for name in super().readdir(path, fh)
            if name in (".", "..") or self._visible(os.path.join(path, name))
        ]  # fmt: skip

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        with self._meets(path):
            return super().create(path, mode, fi)

    def rename(self, old: str, new: str, flags: int = 0) -> int:
        with self._meets(new):
            return super().rename(old, new, flags)

    def link(self, target: str, source: str) -> int:
        with self._meets(target):
            return super().link(target, source)

    @contextlib.contextmanager
    def _meets(self, path: str) -> Iterator[None]:
        """Who makes a name, or is refused it, knows it."""
        try:
            yield
        finally:
            self._met.add(path)


if __name__ == "__main__":
    folder, point, grain, hide = sys.argv[1:]
    options: dict[str, Any] = {**NO_CACHE, "allow_other": True, "fsname": "far"}
    far = Far(folder, int(grain), float(hide))
    Fuse(far, point, foreground=True, nothreads=True, **options)
