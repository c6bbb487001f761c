"""A cut-out made smaller: Lanczos over colours weighed by their alpha.

Nothing bleeds in from clear pixels, and the kernel's overshoot at an edge is divided out again:
a flat subject stays flat up to its last soft pixel.  In floats, for 8 bits and for 16; columns
first, each row once, and nothing is computed beside what can be seen.
"""

from __future__ import annotations

import numpy as np

from nobgd.picture.deep import Cut
from nobgd.picture.lanczos import Floats, matrix

_ROWS = 32  # of the cut-out, narrowed at once
_OUTPUTS = 16  # rows or columns at once: larger matrices are mostly zeros


def shrunk(cut: Cut, size: tuple[int, int]) -> Cut:
    """(H, W, 4) of 8 bits or 16 as ``size`` (width, height); where it is clear, colours are 0."""
    wide, high = size
    out = np.zeros((high, wide, 4), cut.dtype)
    downs = [
        (top, *matrix(top, min(top + _OUTPUTS, high), high, len(cut)))
        for top in range(0, high, _OUTPUTS)
    ]
    narrowed = _Narrowed(cut, wide, max(down.shape[1] for _, _, down in downs))
    room = np.empty((4, _OUTPUTS, wide), np.float32)
    for top, first, down in downs:
        rows, left, right = narrowed.rows(first, first + down.shape[1])
        if left < right:
            made = room[:, : len(down), left:right]
            np.matmul(down, rows[:, :, left:right], out=made)
            _put(out[top : top + len(down), left:right], made)
    return out


class _Narrowed:
    """The rows of a cut-out at a new width, from top to bottom; ``most`` of them at once."""

    def __init__(self, cut: Cut, wide: int, most: int) -> None:
        width = cut.shape[1]
        self._cut, self._wide = cut, wide
        self._groups = []  # columns of the result, of the cut-out, and what makes these of those
        for left in range(0, wide, _OUTPUTS):
            right = min(left + _OUTPUTS, wide)
            begin, across = matrix(left, right, wide, width)
            weights = np.ascontiguousarray(across.T)
            self._groups.append((left, right, begin, begin + len(weights), weights))
        self._lines = np.empty((_ROWS, 4, width), np.float32)
        self._made = np.empty((most + _ROWS, 4, wide), np.float32)  # one memory: new costs more
        self._spans = np.empty((most + _ROWS, 2), np.int64)  # columns in which a row is not 0
        self._first = self._end = 0  # which rows of the cut-out are in it

    def rows(self, first: int, end: int) -> tuple[Floats, int, int]:
        """Rows ``first`` … ``end``, (4, n, wide), and between which columns they are not 0.

        Colours are weighed by their alpha, which is from 0 to 1.  Neither number ever goes back.
        What is returned holds until the next call.
        """
        kept, gone = max(self._end - first, 0), first - self._first
        for memory in (self._made, self._spans):
            memory[:kept] = memory[gone : gone + kept]
        self._first, self._end = first, max(self._end, first)
        while self._end < end:
            at = self._end - first
            rows = self._cut[self._end : self._end + _ROWS]
            self._spans[at : at + len(rows)] = self._narrow(rows, self._made[at : at + len(rows)])
            self._end += len(rows)
        spans = self._spans[: end - first]
        made = self._made[: end - first].transpose(1, 0, 2)
        return made, int(spans[:, 0].min()), int(spans[:, 1].max())

    def _narrow(self, rows: Cut, out: Floats) -> tuple[int, int]:
        """Rows of the cut-out as ``out``, (n, 4, wide), and the columns in which that is not 0."""
        there = np.flatnonzero(rows[..., 3].any(axis=0))
        if not there.size:
            out[:] = 0
            return self._wide, 0
        groups = [each for each in self._groups if each[2] <= there[-1] and each[3] > there[0]]
        begin, end = groups[0][2], groups[-1][3]
        lines = self._lines[: len(rows)]
        np.copyto(lines[..., begin:end].transpose(0, 2, 1), rows[:, begin:end])
        alpha = lines[:, 3:, begin:end]
        alpha *= np.float32(1 / (255 if rows.dtype == np.uint8 else 65535))
        lines[:, :3, begin:end] *= alpha
        flat, narrow = lines.reshape(-1, lines.shape[2]), out.reshape(-1, self._wide)
        out[..., : groups[0][0]] = 0
        out[..., groups[-1][1] :] = 0
        for left, right, first, last, weights in groups:
            np.matmul(flat[:, first:last], weights, out=narrow[:, left:right])
        return groups[0][0], groups[-1][1]


def _put(out: Cut, made: Floats) -> None:
    """Weighed colours and alpha from 0 to 1, (4, n, m), as pixels, (n, m, 4); they are used up."""
    full = np.float32(255 if out.dtype == np.uint8 else 65535)
    colours, alpha = made[:3], made[3]
    colours *= 1 / np.maximum(alpha, np.float32(0.5) / full)
    alpha *= full
    np.rint(made, out=made)
    np.clip(made, 0, full, out=made)
    colours *= alpha != 0
    for channel in range(4):
        out[..., channel] = made[channel]
