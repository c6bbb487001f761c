"""A FUSE file system like a share in a network: each call takes a while, bytes have a pace.

``python -m faults.slow FOLDER MOUNTPOINT MS MB_PER_S`` serves until it is unmounted.  Calls wait
side by side, as those to a server do; bytes go one after the other, as on a line.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import mfusepy

from faults.faulty import Faulty, Fuse


class Slow(Faulty):
    """As `Faulty`, without faults."""

    def __init__(self, below: str, call_s: float, bytes_per_s: float) -> None:
        super().__init__(below)
        self._call_s, self._bytes_per_s = call_s, bytes_per_s
        self._line = threading.Lock()
        self._free = 0.0  # when the line has sent what was given to it

    def _do(self, operation: str, path: str) -> str:
        time.sleep(self._call_s)
        return super()._do(operation, path)

    def _send(self, count: int) -> None:
        with self._line:
            self._free = max(self._free, time.monotonic()) + count / self._bytes_per_s
            left = self._free - time.monotonic()
        time.sleep(max(0.0, left))

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        data = super().read(path, size, offset, fh)
        self._send(len(data))
        return data

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        self._send(len(data))
        return super().write(path, data, offset, fh)


if __name__ == "__main__":
    folder, point, call_ms, megabytes = sys.argv[1:]
    options: dict[str, Any] = {"allow_other": True, "fsname": "slow", "foreground": True}
    if mfusepy.fuse_version_major == 2:
        options["big_writes"] = True  # 128 kB a call, as libfuse 3 does, not a page
    Fuse(Slow(folder, float(call_ms) / 1000, float(megabytes) * 1e6), point, **options)
