"""A cut-out made smaller: Lanczos over colours weighed by their alpha.

Nothing bleeds in from clear pixels, and the kernel's overshoot at an edge is divided out again:
a flat subject stays flat up to its last soft pixel.  In bands, in floats, for 8 bits and for 16.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from nobgd.picture.deep import Cut
from nobgd.picture.lanczos import matrix

_OUTPUTS = 16  # rows or columns at once: larger matrices are mostly zeros


def shrunk(cut: Cut, size: tuple[int, int]) -> Cut:
    """(H, W, 4) of 8 bits or 16 as ``size`` (width, height); where it is clear, colours are 0."""
    height, width = cut.shape[:2]
    wide, high = size
    full = np.float32(255 if cut.dtype == np.uint8 else 65535)
    out = np.empty((high, wide, 4), cut.dtype)
    across = [matrix(at, min(at + _OUTPUTS, wide), wide, width) for at in range(0, wide, _OUTPUTS)]
    for top in range(0, high, _OUTPUTS):
        end = min(top + _OUTPUTS, high)
        first, down = matrix(top, end, high, height)
        rows = cut[first : first + down.shape[1]].astype(np.float32)
        rows[..., :3] *= rows[..., 3:] / full
        less = (down @ rows.reshape(len(rows), -1)).reshape(-1, width, 4)
        columns = np.ascontiguousarray(less.swapaxes(0, 1)).reshape(width, -1)
        made = [part @ columns[left : left + part.shape[1]] for left, part in across]
        band = np.concatenate(made).reshape(wide, -1, 4).swapaxes(0, 1)
        alpha = band[..., 3:]
        colour = band[..., :3] * (full / np.maximum(alpha, np.float32(0.5)))
        out[top:end, :, :3] = np.rint(colour.clip(0, full))
        out[top:end, :, 3:] = np.rint(alpha.clip(0, full))
        out[top:end][out[top:end, :, 3] == 0] = 0
    return cast(Cut, out)
