"""The drop folder: bytes of a request become a file there, whole, or nothing.

The name holds the client's and a part of the bytes' hash: the same bytes under the same name are
the same photo, however often they are sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from nobgd.fs import publish, tree
from nobgd.values import Code, NobgdError
from nobgd.web import kinds
from nobgd.web.problems import Problem

LONGEST = 200_000_000  # bytes of one photo
_BUFFER = 1 << 18  # eight uploads hold two megabytes
_LEFT_FREE = 0.1  # of the disk
_MEASURED_S = 30.0
_MARK = re.compile(r"~[0-9a-f]{16}(?=\.[^.]*$|_|$)")


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that lies in the drop folder."""

    relpath: str
    size: int
    new: bool  # False: it was there


class Upload:
    """One file that is being received."""

    def __init__(self, folder: Drop) -> None:
        self._folder = folder
        self._stack = contextlib.ExitStack()
        self._day = time.strftime("%Y-%m-%d")
        descriptor = self._stack.enter_context(tree.within(str(folder.path), [self._day]))
        self._temp = self._stack.enter_context(publish.temporary(descriptor, 0o664))
        self._buffer = bytearray()
        self._hash = hashlib.sha256()
        self.head = b""
        self.size = 0

    async def write(self, data: bytes) -> None:
        """More of it.  Raises Problem."""
        self.size += len(data)
        if self.size > LONGEST:
            raise too_large()
        if len(self.head) < kinds.HEAD_BYTES:
            self.head = (self.head + data)[: kinds.HEAD_BYTES]
        self._buffer += data
        if len(self._buffer) >= _BUFFER:
            await self._flush()

    async def _flush(self) -> None:
        data, self._buffer = self._buffer, bytearray()
        try:
            await asyncio.to_thread(self._write, data)
        except OSError as error:
            raise _no_room(error) from None

    def _write(self, data: bytearray) -> None:
        self._hash.update(data)
        publish.write_all(self._temp.file, memoryview(data))

    async def publish(self, name: str) -> Dropped:
        """Give it its name; on disk when this returns.  Raises Problem."""
        ending = kinds.extension(self.head, name)
        if not self.size:
            raise Problem(400, "not_a_picture", "the file is empty; send a photo's bytes")
        if ending is None:
            raise Problem(
                400, "not_a_picture",
                "these bytes are no JPEG, PNG, WebP, TIFF, HEIC, AVIF, GIF, BMP or raw photo",
            )  # fmt: skip
        await self._flush()
        called = f"{kinds.stem(name)}~{self._hash.hexdigest()[:16]}{ending}"
        relpath = f"{self._day}/{called}"
        try:
            await asyncio.to_thread(self._temp.publish, called, self.size)
        except publish.Taken:
            return Dropped(relpath, self.size, new=False)
        except OSError as error:
            raise _no_room(error) from None
        self._folder.grown(self.size)
        return Dropped(relpath, self.size, new=True)

    def close(self) -> None:
        """Without `publish`, nothing stays."""
        self._stack.close()


class Drop:
    """The folder, and how much room there is."""

    def __init__(self, path: Path, quota: int) -> None:
        self.path = path
        self._quota = quota
        self._used = 0
        self._measured = float("-inf")

    async def upload(self, expected: int | None = None) -> Upload:
        """Begin to receive a file.  Raises Problem 413, 507 or 503."""
        if expected is not None and expected > LONGEST:
            raise too_large()
        if time.monotonic() - self._measured > _MEASURED_S:
            self._measured = time.monotonic()
            self._used = await asyncio.to_thread(_size, self.path.parent)
        self._check(expected or 0)
        try:
            return Upload(self)
        except (OSError, NobgdError) as error:
            full = isinstance(error, NobgdError) and error.code is Code.NO_SPACE
            status, code = (507, "quota") if full else (503, "not_running")
            raise Problem(status, code, f"the drop folder {self.path}: {error}") from None

    def _check(self, more: int) -> None:
        try:
            disk = os.statvfs(self.path)
        except OSError:
            return  # `Upload` says it
        free = disk.f_bavail * disk.f_frsize - more
        if self._used + more > self._quota or free < _LEFT_FREE * disk.f_blocks * disk.f_frsize:
            raise Problem(
                507, "quota",
                "there is no room for more photos: web.quota is reached, or a tenth of the disk is"
                " left; what is older than web.keep_days leaves by itself",
            )  # fmt: skip

    def grown(self, size: int) -> None:
        """A file more."""
        self._used += size

    def there(self, relpath: str) -> bool:
        """Whether a photo lies there (for when no daemon can be asked)."""
        try:
            return (self.path / relpath).is_file()
        except (OSError, ValueError):
            return False


def shown(name: str) -> str:
    """A file's name as the client gave it, as far as it was kept."""
    return _MARK.sub("", name.rpartition("/")[2], count=1)


def _no_room(error: OSError) -> Problem:
    return Problem(507, "quota", f"the drop folder takes no more: {error.strerror}")


def too_large() -> Problem:
    """The refusal."""
    return Problem(413, "too_large", f"more than {LONGEST // 1_000_000} MB; use the folder for it")


def _size(folder: Path) -> int:
    total = 0
    for path, _folders, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
    return total
