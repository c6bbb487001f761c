"""Quantiles of a stream in constant memory, within one percent.

A histogram whose bins grow by 2 % each, the idea of DDSketch (Masson, Rim, Lee 2019): a bin's
middle is within 1 % of everything in it.  Positive numbers from 1e-3 on; smaller ones are 0.
"""

from __future__ import annotations

import math
from collections import Counter

_GAMMA = math.log(1.02)
_LEAST = 1e-3


class Sketch:
    """Count, sum, least, most and quantiles of positive numbers."""

    __slots__ = ("_bins", "count", "least", "most", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.least = math.inf
        self.most = 0.0
        self._bins: Counter[int] = Counter()

    def add(self, value: float) -> None:
        """One number; one below 0 counts as 0."""
        self.count += 1
        self.total += value
        if value > self.most:
            self.most = value
        if value < self.least:
            self.least = value
        self._bins[math.ceil(math.log(value) / _GAMMA) if value > _LEAST else -(1 << 30)] += 1

    @property
    def mean(self) -> float:
        """Exact; 0 of nothing."""
        return self.total / self.count if self.count else 0.0

    def quantile(self, share: float) -> float:
        """The number below which ``share`` of all lie (nearest rank), within 1 %; 0 of nothing."""
        rank = max(1, math.ceil(share * self.count))
        seen = 0
        for number in sorted(self._bins):
            seen += self._bins[number]
            if seen >= rank:
                if number == -(1 << 30):
                    return 0.0
                middle = math.exp((number - 0.5) * _GAMMA)
                return min(max(middle, self.least), self.most)
        return 0.0
