"""The peak of resident memory of one photo in a lane."""

from __future__ import annotations

import contextlib
import os


class Peak:
    """The peak of resident memory, started anew for each photo (proc(5), clear_refs).

    The file is opened before the lane is confined; afterwards /proc is not writable.
    """

    def __init__(self) -> None:
        self._refs: int | None = None

    def open(self) -> None:
        """Open the file, while that is allowed."""
        with contextlib.suppress(OSError):
            self._refs = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)

    def reset(self) -> None:
        """Let the peak be what is resident now."""
        if self._refs is not None:
            with contextlib.suppress(OSError):
                os.write(self._refs, b"5")


PEAK = Peak()


def peak_rss_mb() -> float:
    """Peak resident memory since `Peak.reset`, in MB of 10^6 bytes (VmHWM)."""
    with contextlib.suppress(OSError), open("/proc/self/status", "rb") as status:
        for line in status:
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0
