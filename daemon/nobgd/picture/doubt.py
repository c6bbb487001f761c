"""How doubtful a cut-out is, from its mask alone; pure.

Three signs, which together find four of five cut-outs that a person should look at: the model was
sure of nothing; what is between subject and background is wider than edges are; or there is a
patch of it that no edge explains, as it is far from all that is sure.  On U²-Net's masks of photos
that were cut out well the first is 0.98 and more, the second below five pixels of the mask and the
third below 0.8 % of the subject.  What it cannot see is a confident mistake.

The bound of the third was chosen on one half of the photos of `benchmarks/doubt_labels.csv`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nobgd.picture.pixels import Bytes
from nobgd.values.doubt import NO_SUBJECT

_SURE = 0.98  # confidence of photos with one
_WIDE = 5.0  # pixels of the mask from background to subject, of 320
_VEIL = 20.0  # a mask that is nothing but between
_DEEP = 4  # pixels of 320 from anything sure: hair and fur seldom go that far
_PATCH, _HAZE = 0.008, 0.2  # of the subject: a patch that may be seen; one that cannot be missed
_SIDE = 320
_LOW, _HALF, _HIGH = 26, 127, 229  # of 255: a tenth, a half, nine tenths

Where = npt.NDArray[np.bool_]  # (S, S)


def doubt(mask: Bytes, confidence: float) -> float:
    """From 0, sure, to 1: of a mask, (S, S) uint8 as `segment.stretch` makes it.

    Beyond a half one of the signs is that of a cut-out to be looked at.
    """
    signs = (
        _ramp(1 - confidence, 1 - _SURE, 1 - NO_SUBJECT),
        _ramp(between(mask), _WIDE, _VEIL),
        _ramp(haze(mask), _PATCH, _HAZE),
    )
    return round(max(signs), 3)


def _ramp(value: float, half: float, full: float) -> float:
    """0 at 0, a half at ``half``, 1 at ``full`` and beyond."""
    if value <= half:
        return 0.5 * max(0.0, value) / half
    return min(1.0, 0.5 + 0.5 * (value - half) / (full - half))


def between(mask: Bytes) -> float:
    """From background to subject in pixels of 320: those that are neither, by the outline's."""
    on = mask > _HALF
    outline = int(on.sum()) - int(_inside(on).sum())
    soft = int(_soft(mask).sum())
    return soft / outline * _SIDE / len(mask) if outline else float(_VEIL if soft else 0)


def haze(mask: Bytes) -> float:
    """What is neither and further than an edge is wide from all that is sure, by the subject's."""
    deep = _soft(mask)
    for _ in range(round(_DEEP * len(mask) / _SIDE)):
        deep = _inside(deep)
    return int(deep.sum()) / max(1, int((mask > _HALF).sum()))


def _soft(mask: Bytes) -> Where:
    return (mask >= _LOW) & (mask <= _HIGH)


def _inside(where: Where) -> Where:
    """Those whose four neighbours are there as well."""
    inner = np.zeros_like(where)
    inner[1:-1, 1:-1] = where[:-2, 1:-1] & where[2:, 1:-1] & where[1:-1, :-2] & where[1:-1, 2:]
    return inner & where
