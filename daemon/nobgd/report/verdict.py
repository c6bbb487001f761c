"""Whether work has got slower within a log: by kind, as the daemon itself compares.

A stretch of the log holds a line (time against megapixels) for each kind of photo
(`drift.kind`).  Kinds that both periods have are compared at the recent mean size, each with
the weight of its recent photos, so another mix of kinds or sizes is no drift.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from typing import Any

from nobgd.record import drift
from nobgd.record.fit import Fit
from nobgd.report.parsing import figure
from nobgd.report.summary import Verdict

_MOST_KINDS = 24  # in a stretch; photos of more are not compared
_LEAST_OF_A_KIND = 20  # photos, in both periods
LEAST_PHOTOS = 40  # of kinds that are compared, in both periods
_FAR = 2.5  # standard deviations of size that the line is believed beyond its photos


class Lines:
    """A line for the whole time and one for each stage."""

    __slots__ = ("stages", "total")

    def __init__(self) -> None:
        self.total = Fit()
        self.stages = {name: Fit() for name in drift.STAGES}

    def add(self, event: dict[str, Any], megapixels: float, total_ms: float) -> None:
        """One photo."""
        self.total.add(megapixels, total_ms)
        for name, fit in self.stages.items():
            fit.add(megapixels, figure(event.get(name)))

    def merge(self, other: Lines) -> None:
        """All photos of another."""
        self.total.merge(other.total)
        for name, fit in other.stages.items():
            self.stages[name].merge(fit)


class Kinds:
    """Lines by kind of photo, at most 24."""

    __slots__ = ("lines",)

    def __init__(self) -> None:
        self.lines: dict[tuple[Hashable, ...], Lines] = {}

    def add(self, event: dict[str, Any], megapixels: float, total_ms: float) -> None:
        """One photo."""
        found = self._of(drift.kind(event))
        if found is not None:
            found.add(event, megapixels, total_ms)

    def merge(self, other: Kinds) -> None:
        """All photos of another."""
        for of, lines in other.lines.items():
            found = self._of(of)
            if found is not None:
                found.merge(lines)

    def _of(self, of: tuple[Hashable, ...]) -> Lines | None:
        if of not in self.lines and len(self.lines) >= _MOST_KINDS:
            return None
        return self.lines.setdefault(of, Lines())


def verdict(before: Kinds, recent: Kinds, since: float) -> Verdict | None:
    """The later period against the earlier one; None when they have too little in common."""
    pairs = [
        (was, now)
        for of, now in recent.lines.items()
        if (was := before.lines.get(of)) is not None and _comparable(was.total, now.total)
    ]
    earlier, later = (int(sum(pair[side].total.count for pair in pairs)) for side in (0, 1))
    if min(earlier, later) < LEAST_PHOTOS:
        return None
    megapixels = sum(now.total.x for _, now in pairs)
    usual = sum(_expected(was.total, now.total) for was, now in pairs)
    took = sum(now.total.y for _, now in pairs)
    if not (usual and megapixels):
        return None
    more = {
        name: sum(now.stages[name].y - _expected(was.stages[name], now.stages[name])
                  for was, now in pairs)
        for name in drift.STAGES
    }  # fmt: skip
    stage = max(drift.STAGES, key=lambda name: more[name]).removesuffix("_ms")
    percent = (math.exp(_mean_growth(pairs)) - 1) * 100
    return Verdict(usual / megapixels, took / megapixels, percent, stage, earlier, later, since)


def _comparable(was: Fit, now: Fit) -> bool:
    if min(was.count, now.count) < _LEAST_OF_A_KIND:
        return False
    mean = was.x / was.count
    return abs(now.x / now.count - mean) <= max(_FAR * was.spread, 0.1 * mean)


def _expected(was: Fit, now: Fit) -> float:
    """Milliseconds that the recent photos would have taken by the earlier line."""
    fixed, slope = was.line()
    return fixed * now.count + slope * now.x


def _mean_growth(pairs: Iterable[tuple[Lines, Lines]]) -> float:
    """The mean logarithm of growth, by photos."""
    found = [
        (now.total.count, math.log(now.total.y / expected))
        for was, now in pairs
        if (expected := _expected(was.total, now.total)) > 0 and now.total.y > 0
    ]
    count = sum(weight for weight, _ in found)
    return sum(weight * growth for weight, growth in found) / count if count else 0.0
