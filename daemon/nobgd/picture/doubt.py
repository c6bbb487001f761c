"""How doubtful a cut-out is, from its mask alone; pure.

Two signs, which together find four of five cut-outs that a person should look at: the model was
sure of nothing, or what is between subject and background is wider than edges are.  On U²-Net's
masks of photos with a subject the first is 0.98 and more, the second below five pixels of the mask.
What it cannot see is a confident mistake.
"""

from __future__ import annotations

import numpy as np

from nobgd.picture.pixels import Bytes
from nobgd.values.doubt import NO_SUBJECT

_SURE = 0.98  # confidence of photos with one
_WIDE = 5.0  # pixels of the mask from background to subject, of 320
_VEIL = 20.0  # a mask that is nothing but between
_SIDE = 320
_LOW, _HALF, _HIGH = 26, 127, 229  # of 255: a tenth, a half, nine tenths


def doubt(mask: Bytes, confidence: float) -> float:
    """From 0, sure, to 1: of a mask, (S, S) uint8 as `segment.stretch` makes it.

    Beyond a half one of the signs is that of a cut-out to be looked at.
    """
    by_width = _ramp(between(mask), _WIDE, _VEIL)
    return round(max(by_width, _ramp(1 - confidence, 1 - _SURE, 1 - NO_SUBJECT)), 3)


def _ramp(value: float, half: float, full: float) -> float:
    """0 at 0, a half at ``half``, 1 at ``full`` and beyond."""
    if value <= half:
        return 0.5 * max(0.0, value) / half
    return min(1.0, 0.5 + 0.5 * (value - half) / (full - half))


def between(mask: Bytes) -> float:
    """From background to subject in pixels of 320: those that are neither, by the outline's."""
    on = mask > _HALF
    inner = np.zeros_like(on)
    inner[1:-1, 1:-1] = on[:-2, 1:-1] & on[2:, 1:-1] & on[1:-1, :-2] & on[1:-1, 2:]
    outline = int(on.sum()) - int((on & inner).sum())
    soft = int(((mask >= _LOW) & (mask <= _HIGH)).sum())
    return soft / outline * _SIDE / len(mask) if outline else float(_VEIL if soft else 0)
