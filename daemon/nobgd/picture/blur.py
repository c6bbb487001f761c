"""Blurs and bilinear enlargements of small planes as banded matrix products.

A plane is float32, a stack of them (n, h, w).  BLAS takes 0.3 ms for a blur of 320 by 320 where a
running sum in NumPy takes 2.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_BLOCK = 40  # outputs of one product: with a margin of some sigmas its matrix is mostly weights
_CUT = 3.0  # sigmas that a Gaussian is taken to


class Blur:
    """A Gaussian blur of planes of (``height``, ``width``) by sigmas in pixels, down and across.

    What lies outside is the plane reflected.
    """

    def __init__(self, height: int, width: int, down: float, across: float) -> None:
        self._rows = _blocks(height, down)
        self._columns = [
            (begin, end, first, last, np.ascontiguousarray(weights.T))
            for begin, end, first, last, weights in _blocks(width, across)
        ]

    def __call__(self, planes: Floats) -> Floats:
        """The blurred planes, (n, h, w)."""
        tall = np.empty_like(planes)
        for begin, end, first, last, weights in self._rows:
            np.matmul(weights, planes[:, first:last], out=tall[:, begin:end])
        blurred = np.empty_like(planes)
        for begin, end, first, last, weights in self._columns:
            np.matmul(tall[:, :, first:last], weights, out=blurred[:, :, begin:end])
        return blurred


@functools.lru_cache(maxsize=32)  # photos of one shape come one after the other
def _blocks(size: int, sigma: float) -> list[tuple[int, int, int, int, Floats]]:
    """For neighbouring outputs: begin, end, the first source, the last but one, the weights."""
    radius = max(1, math.ceil(_CUT * sigma))
    offsets = np.arange(-radius, radius + 1)
    bell = np.exp(-0.5 * (offsets / max(sigma, 1e-3)) ** 2)
    bell = (bell / bell.sum()).astype(np.float32)
    blocks = []
    for begin in range(0, size, _BLOCK):
        end = min(begin + _BLOCK, size)
        at = np.arange(begin, end)[:, None] + offsets
        period = max(2 * size - 2, 1)
        at = np.abs((at + size - 1) % period - (size - 1))  # reflected, as often as it takes
        first, last = int(at.min()), int(at.max()) + 1
        weights = np.zeros((end - begin, last - first), np.float32)
        np.add.at(weights, (np.arange(end - begin)[:, None], at - first), bell)
        blocks.append((begin, end, first, last, weights))
    return blocks


@functools.lru_cache(maxsize=512)  # photos of one size or two come one after the other
def bilinear(begin: int, end: int, size: int, sources: int) -> tuple[int, Floats]:
    """Weights that bring ``sources`` pixels up to ``size``, for outputs ``begin`` … ``end``.

    Returns the first source and the matrix (end - begin, n) float32 over it and its neighbours,
    which is not to be written to: whoever asks again gets the same.
    """
    centres = ((np.arange(begin, end) + 0.5) * sources / size - 0.5).clip(0, sources - 1)
    low = np.minimum(centres.astype(np.int64), max(sources - 2, 0))
    share = (centres - low).astype(np.float32)
    first, count = int(low[0]), int(low[-1]) + 2 - int(low[0])
    weights = np.zeros((end - begin, count), np.float32)
    rows = np.arange(end - begin)
    weights[rows, low - first] = 1 - share
    weights[rows, low - first + 1] += share
    weights.flags.writeable = False
    return first, weights[:, : sources - first]


def double(planes: Floats) -> Floats:
    """(n, h, w) brought to (n, 2h, 2w) bilinearly."""
    count, height, width = planes.shape
    tall = np.empty((count, 2 * height, width), np.float32)
    _doubled(planes, tall)
    wide = np.empty((count, 2 * height, 2 * width), np.float32)
    _doubled(tall.swapaxes(1, 2), wide.swapaxes(1, 2))
    return wide


def _doubled(planes: Floats, out: Floats) -> None:
    far = planes * np.float32(0.25)
    near = planes * np.float32(0.75)
    np.add(near[:, 1:], far[:, :-1], out=out[:, 2::2])
    np.add(near[:, :-1], far[:, 1:], out=out[:, 1:-1:2])
    out[:, 0], out[:, -1] = planes[:, 0], planes[:, -1]


def halve(planes: Floats) -> Floats:
    """Means of two by two; sides must be even."""
    rows = planes[:, ::2] + planes[:, 1::2]
    return (rows[:, :, ::2] + rows[:, :, 1::2]) * np.float32(0.25)
