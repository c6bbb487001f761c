"""What memory has room for: lanes, inferences, and megapixels at a time over all lanes.

A lane knows a photo's size only after reading its header, so it asks then.  A photo larger
than the whole budget is let in alone: refusing it is the business of max_megapixels.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nobgd.pool import cgroup


@dataclass(frozen=True, slots=True)
class Cost:
    """Of an engine in the model process, with u2net, in MB of 10^6 bytes; measured as PSS."""

    model_mb: float  # the process and the weights
    each_mb: float  # more for each inference at a time


COSTS = {  # by engine and precision
    ("onnxruntime", "fp32"): Cost(230.0, 250.0),
    ("onnxruntime", "int8"): Cost(100.0, 290.0),
    ("ncnn", "fp32"): Cost(510.0, 240.0),
    ("openvino", "fp32"): Cost(480.0, 130.0),
    ("openvino", "int8"): Cost(250.0, 70.0),
    ("cuda", "fp32"): Cost(2500.0, 20.0),  # never measured: CUDA's libraries, taken to be large
}
_USUAL = (("onnxruntime", "fp32"),)
LANE_MB = 70.0  # a lane without a picture
_LEAST = 0.7  # of all that: with less it does not work
MATTING_MB = 800.0  # a lane's more where rembg's matting is asked for: its code, and the solver
MB_PER_MEGAPIXEL = 16.0  # RGB in, RGBA out, the encoder's buffers
_LEAST_MEGAPIXELS = 12.0
_MEMINFO, _UNKNOWN_MB = "/proc/meminfo", 2000.0
_SHARE = 0.6  # of what is free at start


Models = Sequence[tuple[str, str]]  # engine and precision of each model that is open


class Budget:
    """A counting gate in megapixels; thread-safe."""

    def __init__(self, megapixels: float) -> None:
        self.limit = megapixels
        self._held: dict[int, float] = {}
        self._changed = threading.Condition()

    def acquire(self, lane: int, megapixels: float) -> None:
        """Block until ``megapixels`` fit, or nothing else is held; what it held is given back."""
        with self._changed:
            if self._held.pop(lane, None) is not None:  # or it would wait for itself
                self._changed.notify_all()
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


def needed_mb(
    lanes: int, infer: int, models: Models = _USUAL, *, matting: bool = False, heavy: float = 1.0
) -> float:  # fmt: skip
    """What so many lanes and inferences at a time take without a picture, in MB of 10^6 bytes.

    ``models`` has the engine and precision of each that is open, ``heavy`` how much more an
    inference of the largest takes than one of U²-Net.
    """
    costs, lane = [COSTS[one] for one in models], LANE_MB + (MATTING_MB if matting else 0.0)
    each = heavy * max(one.each_mb for one in costs)
    return sum(one.model_mb for one in costs) + infer * each + lanes * lane


def automatic(needed_mb: float, held_mb: float = 0.0) -> float:
    """Megapixels in flight that memory allows beside ``needed_mb``: at least one ordinary photo's.

    A photo that is larger than all of it is let in alone.
    """
    spare = available_mb(held_mb) * _SHARE - needed_mb
    return max(_LEAST_MEGAPIXELS, spare / MB_PER_MEGAPIXEL)


def fitting(
    lanes: int, infer: int, models: Models = _USUAL, held_mb: float = 0.0, *,
    asked: bool = False, matting: bool = False, heavy: float = 1.0,
) -> tuple[int, int]:  # fmt: skip
    """How many of these lanes and inferences memory has room for; at least one of each.

    There is room for an ordinary photo besides.  An inference goes before a lane, but for the
    one lane that prepares what comes next.  Where somebody ``asked`` for a number, only what
    surely does not fit is refused.
    """
    room = room_mb(held_mb)

    def fits(lanes: int, infer: int) -> bool:
        need = needed_mb(lanes, infer, models, matting=matting, heavy=heavy)
        return need * (_LEAST if asked else 1.0) <= room

    infer = next((n for n in range(infer, 0, -1) if fits(min(lanes, n + 1), n)), 1)
    lanes = next((n for n in range(lanes, 0, -1) if fits(n, min(n, infer))), 1)
    return lanes, min(lanes, infer)


def room_mb(held_mb: float = 0.0) -> float:
    """`available_mb` less what an ordinary photo takes."""
    return available_mb(held_mb) - _LEAST_MEGAPIXELS * MB_PER_MEGAPIXEL


def available_mb(held_mb: float = 0.0) -> float:
    """Memory for us in MB of 10^6 bytes: what is available, or less where a group's limit says so.

    ``held_mb`` is held by lanes that will end.
    """
    available = _UNKNOWN_MB
    with contextlib.suppress(OSError, ValueError), open(_MEMINFO, encoding="ascii") as info:
        for line in info:
            if line.startswith("MemAvailable:"):
                available = int(line.split()[1]) * 1024 / 1e6
    _, left = cgroup.memory_mb()
    return min(available, available if left is None else left) + held_mb


def held_mb(pids: Iterable[int]) -> float:
    """Memory of their own that these processes hold, in MB of 10^6 bytes."""
    held = 0.0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/status") as status:
            held += sum(int(line.split()[1]) for line in status if line.startswith("RssAnon:"))
    return held * 1024 / 1e6


def cores() -> int:
    """Cores that this process may use: those it may run on, or fewer where a quota says so.

    The half of a core is worth a lane, since lanes also wait; a quarter is not.
    """
    allowed, quota = len(os.sched_getaffinity(0)), cgroup.cpus()
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota - 0.25)))
