"""Time = fixed + per megapixel: a line by least squares.  Pure.

Ordinary least squares from five sums, so that fits can be merged and need no points.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_ALIKE = 0.02  # of the mean size: the standard deviation


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

    @property
    def spread(self) -> float:
        """Standard deviation of the megapixels."""
        if not self.count:
            return 0.0
        return math.sqrt(max(0.0, self.xx / self.count - (self.x / self.count) ** 2))

    @property
    def alike(self) -> bool:
        """Whether the photos are too much of one size to tell a fixed part from the rest."""
        return self.spread * self.count <= _ALIKE * self.x

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
