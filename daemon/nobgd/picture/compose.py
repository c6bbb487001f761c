"""Pixels and a mask to a cut-out with straight alpha, finished in the memory of the pixels.

A mask of 320 pixels is flat nearly everywhere once it is brought to the size of a photo.  So
the photo is gone through in bands of rows and, in each, only the stretches of columns where
the mask changes are resampled and blended; what is background is cleared, what is subject is
left as the decoder wrote it.  Every byte is touched at most once and temporaries stay in the
cache.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from nobgd.picture.bands import spread
from nobgd.picture.edges import COLUMNS, ROWS, Edge
from nobgd.picture.lanczos import matrix, rounded
from nobgd.picture.pixels import Bytes

_CHUNK = 256  # columns of the mask widened at once
_CLEAR, _MIXED, _SOLID, _EDGE = 0, 1, 2, 3


def compose(
    pixels: Bytes, mask: Bytes, own_alpha: Bytes | None = None, threads: int = 1,
    edge: Edge | None = None,
) -> Bytes:  # fmt: skip
    """Cut out: (H, W, 4) uint8 RGBA with straight alpha.

    ``pixels`` is (H, W, 4) uint8 RGBX, each row contiguous, with 255 in every fourth byte, which
    is finished in place and returned; or (H, W, 3), which is copied.  ``mask``, (h, w) uint8, is
    brought to (H, W) with Lanczos, within 2 of what Pillow computes; ``own_alpha``, (H, W)
    uint8, is the photo's own transparency and is multiplied in.  In the tiles of an ``edge``, which
    is not for photos with an alpha of their own, colours stay: `Edge.finish` comes next.
    Where alpha is 255 the colour is what it was, bit by bit; where it is 0 the colour is 0.
    """
    rgba = pixels if pixels.shape[2] == 4 else _with_alpha(pixels)
    height, width = rgba.shape[:2]
    columns = _widen(mask, width)

    def work(tops: range) -> None:
        for top in tops:
            bottom = min(top + ROWS, height)
            begin, down = matrix(top, bottom, height, len(mask))
            source = columns[begin : begin + down.shape[1]]
            spared = edge.tiles(top, bottom) if edge is not None else None
            for left, right, kind in _stretches(source, spared):
                part = rgba[top:bottom, left:right]
                if kind == _EDGE:
                    part[..., 3] = rounded(down @ source[:, left:right].astype(np.float32))
                    continue
                own = None if own_alpha is None else own_alpha[top:bottom, left:right]
                if kind == _CLEAR:
                    part[:] = 0
                elif kind == _MIXED:
                    alpha = rounded(down @ source[:, left:right].astype(np.float32))
                    _blend(part, alpha if own is None else _times(alpha, own))
                elif own is not None:
                    _blend(part, own)

    spread(work, range(0, height, ROWS), threads)
    return rgba


def keep(pixels: Bytes, own_alpha: Bytes) -> Bytes:
    """(H, W, 4) uint8 RGBX with the picture's own alpha, (H, W), as it is; finished in place."""
    for top in range(0, len(pixels), ROWS):
        _blend(pixels[top : top + ROWS], own_alpha[top : top + ROWS])
    return pixels


def _widen(mask: Bytes, width: int) -> Bytes:
    """The mask at full width, its height as it is: the first half of the resampling."""
    wide = np.empty((len(mask), width), np.uint8)
    for left in range(0, width, _CHUNK):
        right = min(left + _CHUNK, width)
        begin, across = matrix(left, right, width, mask.shape[1])
        source = mask[:, begin : begin + across.shape[1]].astype(np.float32)
        wide[:, left:right] = rounded(source @ across.T)
    return wide


def _with_alpha(pixels: Bytes) -> Bytes:
    rgba = np.empty((*pixels.shape[:2], 4), np.uint8)
    rgba[..., :3] = pixels
    rgba[..., 3] = 255
    return rgba


def _stretches(
    source: Bytes, spared: npt.NDArray[np.bool_] | None
) -> Iterator[tuple[int, int, int]]:
    """Columns that are all 0, all 255 or neither in ``source``, (n, W): left, right, kind.

    Tiles that are ``spared``, (W / `COLUMNS`), are a kind of their own.
    """
    width = source.shape[1]
    starts = np.arange(0, width, COLUMNS)
    low = np.minimum.reduceat(source.min(axis=0), starts)
    high = np.maximum.reduceat(source.max(axis=0), starts)
    kinds = np.where(high == 0, _CLEAR, np.where(low == 255, _SOLID, _MIXED))
    if spared is not None:
        kinds[spared] = _EDGE
    changes = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(starts)]
    for begin, end in itertools.pairwise(changes):
        yield begin * COLUMNS, min(end * COLUMNS, width), int(kinds[begin])


def _times(alpha: Bytes, own: Bytes) -> Bytes:
    """The product of two alphas, rounded."""
    product: npt.NDArray[np.uint16] = alpha.astype(np.uint16) * own
    return ((product + 127) // 255).astype(np.uint8)


def _blend(part: Bytes, alpha: Bytes) -> None:
    """Set the fourth byte of each pixel of ``part`` and clear those where it is 0."""
    part[..., 3] = alpha
    if not alpha.all():
        words = part.view(np.uint32)[..., 0]
        np.multiply(words, alpha != 0, out=words)
