"""PNG's filters over bands of RGBA rows (PNG, 3rd edition, 9.2).

Each takes rows, (n, pixel·W) uint8, the rows above them, an output of one byte more a row (the
filter's number, then the differences), and how many bytes a pixel has.
"""

from __future__ import annotations

import numpy as np

from nobgd.picture.pixels import Bytes


def sub(rows: Bytes, _above: Bytes, out: Bytes, pixel: int = 4) -> None:
    """The difference to the pixel on the left."""
    out[:, 0] = 1
    out[:, 1 : 1 + pixel] = rows[:, :pixel]
    np.subtract(rows[:, pixel:], rows[:, :-pixel], out=out[:, 1 + pixel :])


def up(rows: Bytes, above: Bytes, out: Bytes, _pixel: int = 4) -> None:
    """The difference to the pixel above."""
    out[:, 0] = 2
    np.subtract(rows, above, out=out[:, 1:])


def average(rows: Bytes, above: Bytes, out: Bytes, pixel: int = 4) -> None:
    """The difference to the mean of left and above, rounded down."""
    out[:, 0] = 3
    left = _left(rows, pixel)
    mean = left ^ above
    mean >>= 1
    mean += left & above  # without a carry into a ninth bit
    np.subtract(rows, mean, out=out[:, 1:])


def paeth(rows: Bytes, above: Bytes, out: Bytes, pixel: int = 4) -> None:
    """The difference to left, above or corner, whichever is nearest to left + above - corner."""
    out[:, 0] = 4
    left, corner = _left(rows, pixel), _left(above, pixel)
    a, b, c = (each.astype(np.int16) for each in (left, above, corner))
    b -= c
    a -= c
    to_left, to_above, to_corner = np.abs(b), np.abs(a), np.abs(a + b)
    guess = np.where(to_above <= to_corner, above, corner)
    nearest = (to_left <= to_above) & (to_left <= to_corner)
    np.subtract(rows, np.where(nearest, left, guess), out=out[:, 1:])


def adaptive(rows: Bytes, above: Bytes, out: Bytes, pixel: int = 4) -> None:
    """For each row the filter with the smallest sum of absolute differences (12.7)."""
    tries = np.empty((4, *out.shape), np.uint8)
    for apply, one in zip((sub, up, average, paeth), tries, strict=True):
        apply(rows, above, one, pixel)
    costs = [np.minimum(one[:, 1:], 0 - one[:, 1:]).sum(axis=1, dtype=np.uint64) for one in tries]
    out[:] = tries[np.argmin(costs, axis=0), np.arange(len(rows))]


def _left(rows: Bytes, pixel: int) -> Bytes:
    left = np.empty_like(rows)
    left[:, :pixel] = 0
    left[:, pixel:] = rows[:, :-pixel]
    return left
