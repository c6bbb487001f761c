"""How many megapixels may be in memory at once, over all lanes.

A lane knows a photo's size only after reading its header, so it asks then.  A photo larger
than the whole budget is let in alone: refusing it is the business of max_megapixels.
"""

from __future__ import annotations

import contextlib
import os
import threading

# a lane with its model and arena, without a picture (fp32 u2net)
LANE_MB = {"onnxruntime": 520.0, "ncnn": 830.0}
MB_PER_MEGAPIXEL = 16.0  # RGB in, RGBA out, the encoder's buffers
_SHARE = 0.6  # of what is free at start


class Budget:
    """A counting gate in megapixels; thread-safe."""

    def __init__(self, megapixels: float) -> None:
        self.limit = megapixels
        self._held: dict[int, float] = {}
        self._changed = threading.Condition()

    def acquire(self, lane: int, megapixels: float) -> None:
        """Block until ``megapixels`` fit, or nothing else is held."""
        with self._changed:
            self._changed.wait_for(lambda: self._fits(megapixels))
            self._held[lane] = megapixels

    def release(self, lane: int) -> None:
        """Give back what ``lane`` holds, if anything."""
        with self._changed:
            if self._held.pop(lane, None) is not None:
                self._changed.notify_all()

    def _fits(self, megapixels: float) -> bool:
        held = sum(self._held.values())
        return held == 0 or held + megapixels <= self.limit


def automatic(lanes: int, engine: str = "onnxruntime") -> float:
    """Megapixels in flight that this machine's memory allows, at least 50."""
    spare = available_mb() * _SHARE - lanes * LANE_MB[engine]
    return max(50.0, spare / MB_PER_MEGAPIXEL)


def available_mb() -> float:
    """Memory free for us in MB of 10^6 bytes: MemAvailable, or less where a cgroup says so."""
    available = 2000.0
    with contextlib.suppress(OSError, ValueError), open("/proc/meminfo", encoding="ascii") as info:
        for line in info:
            if line.startswith("MemAvailable:"):
                available = int(line.split()[1]) * 1024 / 1e6
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as limit:
            available = min(available, int(limit.read()) / 1e6)
    return available


def cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0))
