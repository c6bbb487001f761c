"""Samples of any depth as eight bits: rounded, never cut.

A value v of n bits means v / (2ⁿ - 1), so 255 · v / (2ⁿ - 1) to the nearest; taking the upper
byte instead darkens by a third of a level on average.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
_BAND = 64


@lru_cache(maxsize=4)
def table(bits: int) -> Bytes:
    """All values of up to 16 bits as eight, (2**bits,) uint8."""
    white = (1 << bits) - 1
    values = np.arange(white + 1, dtype=np.int64)
    return ((values * 510 + white) // (2 * white)).astype(np.uint8)


def eight(values: npt.NDArray[Any], bits: int) -> Bytes:
    """Unsigned samples of ``bits`` bits as uint8, the shape kept."""
    if bits == 8:
        return values
    if bits <= 16:
        out: Bytes = table(bits)[values]
        return out
    white = (1 << bits) - 1
    return ((values.astype(np.uint64) * 255 + white // 2) // white).astype(np.uint8)


def ranged(values: npt.NDArray[Any]) -> Bytes:
    """Floats or signed numbers as uint8, black and white being told by what occurs.

    0 … 1 (floats), 0 … 255 and 0 … 65535 are what programs mean by such files; else the smallest
    value is black and the largest white.  What is no number is black.
    """
    low, high = _range(values)
    out = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), _BAND):
        band = values[top : top + _BAND].astype(np.float64)
        band = np.nan_to_num(band, nan=low, posinf=high, neginf=low)
        out[top : top + _BAND] = np.rint(np.clip((band - low) / (high - low), 0, 1) * 255)
    return out


def _range(values: npt.NDArray[Any]) -> tuple[float, float]:
    low, high = float("inf"), float("-inf")
    for top in range(0, len(values), _BAND):
        band = values[top : top + _BAND]
        finite = band[np.isfinite(band)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:
        return 0.0, 1.0
    for white in (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0):
        if low >= 0 and high <= white:
            return 0.0, white
    return (low, high) if high > low else (low, low + 1.0)


def opaque(alpha: Bytes) -> Bytes | None:
    """The alpha, or None where nothing is transparent."""
    return None if alpha.min() == 255 else alpha
