"""Running figures of photos that have something in common, and the timeline of all."""

from __future__ import annotations

import time
from typing import Any

from nobgd.report import stretch
from nobgd.report.parsing import figure
from nobgd.report.sketch import Sketch
from nobgd.report.summary import STAGES, Moment, Row
from nobgd.report.verdict import Kinds

_FIELDS = tuple(f"{name}_ms" for name in STAGES)
_MOST_BINS = 240  # of the timeline; then they grow
_FIRST_BIN_S = 1
_MONDAY_S = 3 * 86_400  # the epoch began on a Thursday


class Tally:
    """Becomes a `Row`."""

    __slots__ = ("_megapixels", "_peak", "_per_mp", "_stages", "_total")

    def __init__(self) -> None:
        self._total = Sketch()
        self._per_mp = Sketch()
        self._stages = dict.fromkeys(STAGES, 0.0)
        self._megapixels = 0.0
        self._peak = 0.0

    def add(self, event: dict[str, Any], megapixels: float, total_ms: float) -> None:
        """One computed photo."""
        self._total.add(total_ms)
        self._per_mp.add(total_ms / megapixels)
        self._megapixels += megapixels
        peak = figure(event.get("peak_rss_mb"))
        if peak > self._peak:
            self._peak = peak
        stages = self._stages
        for name, field in zip(STAGES, _FIELDS, strict=True):
            stages[name] += figure(event.get(field))

    def row(self, name: str) -> Row:
        """The figures so far."""
        total, per_mp = self._total, self._per_mp
        count = max(1, total.count)
        return Row(
            name, total.count, self._megapixels,
            total.mean, total.quantile(0.5), total.quantile(0.95),
            per_mp.mean, per_mp.quantile(0.5), per_mp.quantile(0.95),
            self._peak, {stage: spent / count for stage, spent in self._stages.items()},
        )  # fmt: skip


class Bin:
    """A stretch of the timeline."""

    __slots__ = ("busy_ms", "failures", "kinds", "megapixels", "photos", "queued_ms")

    def __init__(self) -> None:
        self.photos = 0
        self.failures = 0
        self.megapixels = 0.0
        self.busy_ms = 0.0
        self.queued_ms = 0.0
        self.kinds = Kinds()

    def merge(self, other: Bin) -> None:
        """All of another stretch."""
        self.photos += other.photos
        self.failures += other.failures
        self.megapixels += other.megapixels
        self.busy_ms += other.busy_ms
        self.queued_ms += other.queued_ms
        self.kinds.merge(other.kinds)


class Timeline:
    """At most 240 stretches of equal round length, which grows as the log goes on.

    They begin at round times of the local clock, as it is at the first moment.
    """

    def __init__(self) -> None:
        self.span_s = _FIRST_BIN_S
        self._ahead_s: int | None = None  # of the epoch's
        self.bins: dict[int, Bin] = {}

    def at(self, moment: float) -> Bin:
        """The stretch that a moment lies in."""
        if self._ahead_s is None:
            self._ahead_s = time.localtime(moment).tm_gmtoff + _MONDAY_S
        moment += self._ahead_s
        number = int(moment // self.span_s)
        found = self.bins.get(number)
        if found is None:
            found = self.bins[number] = Bin()
            while len(self.bins) > 1 and max(self.bins) - min(self.bins) >= _MOST_BINS:
                self._grow()
            found = self.bins[int(moment // self.span_s)]
        return found

    def start(self, number: int) -> float:
        """When a stretch begins."""
        return float(number * self.span_s - (self._ahead_s or 0))

    def _grow(self) -> None:
        further = stretch.longer(self.span_s)
        parts, self.bins = self.bins, {}
        for number, each in parts.items():
            into = self.bins.setdefault(number * self.span_s // further, Bin())
            into.merge(each)
        self.span_s = further

    def moments(self) -> tuple[Moment, ...]:
        """All in their order, empty ones included, as long as `stretch.shown` says."""
        if not self.bins:
            return ()
        photos_of = {number: each.photos for number, each in self.bins.items()}
        length = stretch.shown(photos_of, self.span_s)
        times = length // self.span_s
        put: dict[int, list[Bin]] = {}
        for number, each in self.bins.items():
            put.setdefault(number // times, []).append(each)
        found = []
        for number in range(min(put), max(put) + 1):
            parts = put.get(number, ())
            photos = sum(each.photos for each in parts)
            found.append(
                Moment(
                    self.start(number * times), float(length), photos,
                    sum(each.megapixels for each in parts),
                    sum(each.busy_ms for each in parts),
                    sum(each.queued_ms for each in parts) / max(1, photos),
                    sum(each.failures for each in parts),
                )
            )  # fmt: skip
        return tuple(found)


class Busy:
    """Length of the union of intervals that come roughly in the order of their ends."""

    _OPEN = 8  # intervals that a late one may still touch

    def __init__(self) -> None:
        self._closed_s = 0.0
        self._open: list[tuple[float, float]] = []

    def add(self, start: float, end: float) -> None:
        """One interval."""
        kept = []
        for low, high in self._open:
            if high < start or low > end:
                kept.append((low, high))
            else:
                start, end = min(low, start), max(high, end)
        kept.append((start, end))
        kept.sort()
        while len(kept) > self._OPEN:
            low, high = kept.pop(0)
            self._closed_s += high - low
        self._open = kept

    @property
    def seconds(self) -> float:
        """The union so far."""
        return self._closed_s + sum(high - low for low, high in self._open)
