"""A small known picture, to see that this machine computes what others do before photos come.

Under an emulated processor, or with a BLAS built for another, products of matrices have come
out as rubbish and cut-outs were published that nobody could tell from right ones.  Seven
milliseconds are enough for what we compute ourselves, beside a result that no BLAS had a part
in.  The model's own run takes a hundred times as long; its answer to each photo must be finite.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from nobgd.picture.lanczos import shrink

_SIDE = 320  # the networks' own
_TOLERANCE = 3  # of 255: two roundings in a row, in a picture that is all edges
_MOST_OFF = 0.02  # of all values; one in thousands is


class Rubbish(RuntimeError):  # noqa: N818 - what comes out
    """What this machine computes is wrong."""


def check(threads: int = 1) -> None:
    """Raises `Rubbish` if the known picture comes out otherwise than by whole numbers."""
    y, x = np.ogrid[0:463, 0:617]
    known = np.empty((y.size, x.size, 3), np.uint8)
    for channel, values in enumerate((x * y % 251, (x * 7 + y * 13) % 256, x // 3)):
        known[..., channel] = values
    with np.errstate(all="ignore"):  # what is wrong is seen in the result
        ours = shrink(known, _SIDE, threads)
    right = np.asarray(Image.fromarray(known).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS))
    off = np.abs(ours.astype(np.int16) - right)
    if int(off.max()) > _TOLERANCE or float((off > 0).mean()) > _MOST_OFF:
        raise Rubbish(
            f"numpy computes wrongly on this machine (a known picture is off by {off.max()} of"
            " 255), so no photo is touched; is the processor emulated, or numpy built for another?"
        )
