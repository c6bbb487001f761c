"""Whether work is getting slower: time = fixed + per megapixel, now against before.  Pure.

Ordinary least squares from five sums, so that fits can be merged and need no points.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

STAGES = ("read_ms", "decode_ms", "infer_ms", "compose_ms", "encode_ms", "publish_ms")
BLOCK = 50  # photos
RECENT_BLOCKS = 2
BEFORE_BLOCKS = 18
LEAST_BEFORE = 2  # blocks, until there is something to compare with


@dataclass(slots=True)
class Fit:
    """Milliseconds against megapixels: sums, and the line through them."""

    count: float = 0.0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    def add(self, megapixels: float, milliseconds: float) -> None:
        """One photo."""
        self.count += 1
        self.x += megapixels
        self.y += milliseconds
        self.xx += megapixels * megapixels
        self.xy += megapixels * milliseconds

    def merge(self, other: Fit) -> None:
        """All photos of another fit."""
        self.count += other.count
        self.x += other.x
        self.y += other.y
        self.xx += other.xx
        self.xy += other.xy

    def line(self) -> tuple[float, float]:
        """(fixed ms, ms per megapixel); photos of one size only tell the latter, fixed is 0.

        A negative part, which noise can bring about, is taken to be 0 and the other refitted.
        """
        if not self.count or not self.x:
            return 0.0, 0.0
        spread = self.xx - self.x * self.x / self.count
        if spread <= 1e-6 * self.xx:
            return 0.0, self.y / self.x
        slope = (self.xy - self.x * self.y / self.count) / spread
        fixed = (self.y - slope * self.x) / self.count
        if slope < 0:
            return self.y / self.count, 0.0
        if fixed < 0:
            return 0.0, self.xy / self.xx
        return fixed, slope

    def expected_ms(self, megapixels: float) -> float:
        """Milliseconds that the line gives a photo of this size."""
        fixed, slope = self.line()
        return fixed + slope * megapixels


def merged(fits: Iterable[Fit]) -> Fit:
    """One fit from several."""
    whole = Fit()
    for fit in fits:
        whole.merge(fit)
    return whole


@dataclass(slots=True)
class Block:
    """Photos that follow each other: their fits, whole and by stage."""

    total: Fit = field(default_factory=Fit)
    stages: dict[str, Fit] = field(default_factory=lambda: {name: Fit() for name in STAGES})
    points: list[tuple[float, float]] = field(default_factory=list)  # (megapixels, ms)

    def add(self, event: dict[str, Any]) -> None:
        """One ``photo.done``."""
        megapixels, total = float(event["megapixels"]), float(event["total_ms"])
        self.total.add(megapixels, total)
        self.points.append((megapixels, total))
        for name in STAGES:
            self.stages[name].add(megapixels, float(event.get(name, 0.0)))


def grown_stage(before: dict[str, Fit], recent: dict[str, Fit]) -> str:
    """The stage that takes the most milliseconds more than its line before gives it."""

    def more(name: str) -> float:
        now = recent[name]
        if not now.count:
            return 0.0
        return (now.y / now.count) - before[name].expected_ms(now.x / now.count)

    return max(STAGES, key=more).removesuffix("_ms")


class Drift:
    """Follows a daemon's photos: the last hundred against the nine hundred before them.

    Bounded: sums for 20 blocks of 50 photos, points for two.  A single huge or slow photo
    changes nothing: what is compared is the median of time over the time that the line of
    before gives a photo of that size.
    """

    def __init__(self, percent: float) -> None:
        self._percent = percent
        self._blocks: deque[Block] = deque(maxlen=RECENT_BLOCKS + BEFORE_BLOCKS)
        self._filling = Block()
        self._said = False

    def note(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Take any event; a ``service.drift`` to log when the cost has grown, once until it mends.

        Only photos that were computed count.
        """
        if event.get("event") != "photo.done" or event.get("how", "computed") != "computed":
            return None
        if not float(event.get("megapixels") or 0.0):
            return None
        self._filling.add(event)
        if self._filling.total.count < BLOCK:
            return None
        self._blocks.append(self._filling)
        self._filling = Block()
        if len(self._blocks) > RECENT_BLOCKS:
            self._blocks[-1 - RECENT_BLOCKS].points.clear()
        return self._judge()

    def _judge(self) -> dict[str, Any] | None:
        blocks = list(self._blocks)
        before, recent = blocks[:-RECENT_BLOCKS], blocks[-RECENT_BLOCKS:]
        if len(before) < LEAST_BEFORE:
            return None
        usual = merged(block.total for block in before)
        fixed, slope = usual.line()
        ratios = [ms / (fixed + slope * mp) for block in recent for mp, ms in block.points]
        growth = (statistics.median(ratios) - 1) * 100
        if growth < self._percent / 2:
            self._said = False
        if self._said or growth < self._percent:
            return None
        self._said = True
        stages = [
            {name: merged(block.stages[name] for block in part) for name in STAGES}
            for part in (before, recent)
        ]
        now = merged(block.total for block in recent)
        mean = now.x / now.count
        return {
            "event": "service.drift",
            "percent": round(growth, 1),
            "stage": grown_stage(*stages),
            "before_ms_per_megapixel": round(usual.expected_ms(mean) / mean, 2),
            "recent_ms_per_megapixel": round(now.y / now.x, 2),
            "photos_before": int(usual.count),
            "photos_recent": int(now.count),
        }
