"""Alpha and colours of the photo's edge, at full size, from small planes.

See `colour_line` for what the planes hold.  Only what is within reach of a change of the mask is
touched, a tile at a time: the cost goes with the length of the edge and not with the photo, and
temporaries stay in the cache.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nobgd.picture.bands import spread
from nobgd.picture.blur import Floats, bilinear
from nobgd.picture.levels import Bytes

ROWS, COLUMNS = 48, 64  # of a tile
_LAST = 0.03  # alpha nearer to 0 or 1 than this is 0 or 1: so that opaque becomes opaque
_FEW = 5  # soft pixels are picked out of a tile when fewer than one in so many is soft
_HELD = np.float32(0.1)  # how much the subject's colour near counts beside the pixel's own


class Edge:
    """The edge of one photo of (``height``, ``width``)."""

    def __init__(self, planes: Floats, height: int, width: int) -> None:
        """``planes`` as `colour_line.planes` makes them."""
        self._planes = planes
        self._height = height
        self._across = [
            _transposed(left, min(left + COLUMNS, width), width, planes.shape[2])
            for left in range(0, width, COLUMNS)
        ]
        self._near = planes[4] > 0
        self._starts = np.array([at for at, _ in self._across])
        self._ends = self._starts + np.array([len(weights) for _, weights in self._across])

    def tiles(self, top: int, bottom: int) -> npt.NDArray[np.bool_]:
        """Which tiles, of `COLUMNS` columns each, of rows ``top`` … ``bottom`` are in reach."""
        begin, down = bilinear(top, bottom, self._height, self._planes.shape[1])
        near = self._near[begin : begin + down.shape[1]].any(axis=0)
        before = np.concatenate([[0], np.cumsum(near)])
        found: npt.NDArray[np.bool_] = before[self._ends] > before[self._starts]
        return found

    def finish(self, rgba: Bytes, threads: int = 1) -> None:
        """Finish a picture, (H, W, 4) uint8, that has the plain alpha of the mask, in its memory.

        In the tiles within reach it must still have the photo's colours.  There it gets the fine
        alpha and the subject's colours; what is opaque keeps its own, what is clear is 0.
        """

        def work(tops: range) -> None:
            for top in tops:
                self._band(rgba[top : top + ROWS], top)

        spread(work, range(0, self._height, ROWS), threads)

    def _band(self, rows: Bytes, top: int) -> None:
        wanted = np.flatnonzero(self.tiles(top, top + len(rows))).tolist()
        if not wanted:
            return
        begin, down = bilinear(top, top + len(rows), self._height, self._planes.shape[1])
        planes = np.matmul(down, self._planes[:, begin : begin + down.shape[1]])
        for number in wanted:
            at, across = self._across[number]
            part = rows[:, number * COLUMNS : (number + 1) * COLUMNS]
            _finish(part, planes[:, :, at : at + len(across)], across)


def _transposed(left: int, right: int, width: int, sources: int) -> tuple[int, Floats]:
    first, weights = bilinear(left, right, width, sources)
    return first, np.ascontiguousarray(weights.T)


def _finish(part: Bytes, planes: Floats, across: Floats) -> None:
    """Finish a tile, (h, w, 4) uint8, whose planes, (11, h, n), are brought to it by ``across``."""
    height, width = part.shape[:2]
    flat = planes.reshape(len(planes) * height, -1)
    made = (flat[: 5 * height] @ across).reshape(5, height, width)
    colours = np.ascontiguousarray(part.transpose(2, 0, 1)).astype(np.float32)
    alpha = _alpha(made, colours)
    rounded = np.rint(alpha * np.float32(255)).astype(np.uint8)
    soft = (rounded - np.uint8(1)) < 254  # neither 0 nor 255
    whole = part.view(np.uint32)[..., 0]  # RGBA as one number, whatever the byte order
    count = np.count_nonzero(soft)
    if count * _FEW > soft.size:
        grounds = (flat[5 * height :] @ across).reshape(6, height, width)
        pure = _unmixed(colours[:3], alpha, grounds)
        finished = _joined(pure, rounded)
        part[..., 3] = rounded
        np.copyto(whole, finished, where=soft)
    else:
        part[..., 3] = rounded
        if count:
            at = np.flatnonzero(soft)
            grounds = (flat[5 * height :] @ across).reshape(6, -1).take(at, axis=1)
            own = colours[:3].reshape(3, -1).take(at, axis=1)
            pure = _unmixed(own, alpha.reshape(-1)[at], grounds)
            rows, columns = np.divmod(at, width)
            whole[rows, columns] = _joined(pure, rounded.reshape(-1)[at])
    np.multiply(whole, rounded != 0, out=whole)


def _alpha(made: Floats, colours: Floats) -> Floats:
    """Fine alpha, (h, w), 0 to 1, from slopes, offset and reach, and RGB and the plain alpha."""
    made[:3] *= colours[:3]
    alpha: Floats = made[3]
    alpha += made[0]
    alpha += made[1]
    alpha += made[2]
    np.clip(alpha, 0, 1, out=alpha)
    plain = colours[3]
    plain *= np.float32(1 / 255)
    alpha -= plain
    alpha *= made[4]
    alpha += plain
    alpha -= np.float32(_LAST)
    alpha *= np.float32(1 / (1 - 2 * _LAST))
    return np.clip(alpha, 0, 1, out=alpha)


def _unmixed(colours: Floats, alpha: Floats, grounds: Floats) -> Floats:
    """The subject's colours, (3, …), 0 to 255, of pixels with ``colours`` and ``alpha``, (…).

    The least squares of |I - a F' - (1 - a) B|² + held·|F' - F|² over F', a being alpha, and F and
    B, ``grounds``, (6, …), the colours near.  ``colours`` and ``grounds`` are used up.
    """
    subject, background = grounds[:3], grounds[3:]
    background *= alpha - 1
    colours += background
    colours *= alpha
    subject *= _HELD
    colours += subject
    colours *= 1 / (alpha * alpha + _HELD)
    return np.clip(colours, 0, 255, out=colours)


def _joined(colours: Floats, alpha: Bytes) -> npt.NDArray[np.uint32]:
    """RGBA as one number for each pixel, (…), from (3, …) and (…)."""
    joined = np.empty((*alpha.shape, 4), np.uint8)
    rounded = np.rint(colours, out=colours).astype(np.uint8)
    for channel in range(3):
        joined[..., channel] = rounded[channel]
    joined[..., 3] = alpha
    return joined.view(np.uint32)[..., 0]
