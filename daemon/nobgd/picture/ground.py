"""What is transparent already: what the model is shown of it, and whether it is asked at all.

A picture with an alpha is one of three things, told by what can be seen of it:

1. *A cut-out*: an output of nobgd's, or a picture of which a good part is clear and the rest is
   no sheet, or all of one colour.  Its own alpha is the answer, and the model is not asked.
2. *A sheet*: what is visible fills a rectangle, perhaps a turned one or with round corners, as a
   photo on a larger canvas does.  The model is shown that rectangle.
3. Anything else is a photo with some transparency.

In the last two the model sees the picture over a ground that differs from what is visible at its
edge, never the colours that are hidden; the alpha is the product of both.  Where the model finds
nearly all that is visible to be the subject, or no subject at all, there is nothing to cut:
the own alpha stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from nobgd.picture.levels import Bytes

_CLEAR = 8  # an alpha up to this is not seen
_BLENDED = 32  # below this the ground shows through
_CUT_OUT = 0.15  # share of clear pixels
_SHEET = 0.92  # share that is visible of the smallest rectangle around it
_WORTH = 0.9  # a box that is larger than this share of the picture is all of it
_ALL = 0.9  # share of what is visible that the model keeps
_NO_SUBJECT = 0.5  # confidence below which a mask says nothing
_SAME = 6  # levels: what a coder makes of one colour
_SIDE = 256  # of the small picture that shapes are measured on
_ROWS = 64
_GROUNDS = (128, 255, 0)

Box = tuple[slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What the model is shown."""

    pixels: Bytes  # (h, w, 4) uint8
    box: Box  # the rows and columns of the picture that they are


def view(shown: Bytes, alpha: Bytes, cut_out: bool = False) -> View | None:
    """What the model is to see of (H, W, 4) uint8 ``shown``; None where ``alpha`` is the answer.

    ``alpha`` is (H, W) uint8; ``cut_out`` says that the picture is known to be one.
    """
    small = _small(alpha)
    clear = 1.0 - float(small.mean())
    if cut_out or clear > 1 - 1e-9:
        return None
    if _flat(shown, alpha):
        return None
    box = (slice(0, alpha.shape[0]), slice(0, alpha.shape[1]))
    sheet = small.sum() / _rectangle(small) >= _SHEET
    if clear >= _CUT_OUT and not sheet:
        return None
    if sheet:
        seen = alpha > _CLEAR
        rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
        inner = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        if seen[inner].size < _WORTH * seen.size:
            box = inner
    return View(_over(shown[box], alpha[box], _ground(shown, alpha)), box)


def nothing_to_cut(mask: Bytes, confidence: float, alpha: Bytes) -> bool:
    """Whether the model, by its (S, S) mask, keeps nearly all that is visible of what it saw.

    Or found no subject at all: a mask is stretched to its extremes, and then shows noise.
    """
    if not (alpha <= _CLEAR).any():
        return False
    if confidence < _NO_SUBJECT:
        return True
    size = (mask.shape[1], mask.shape[0])
    share = np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BOX), np.float64)
    return bool((mask * share).sum() >= _ALL * 255 * share.sum())


def _small(alpha: Bytes) -> npt.NDArray[np.float64]:
    """The share of visible pixels in each cell of a small picture."""
    factor = max(1, -(-max(alpha.shape) // _SIDE))
    seen = Image.fromarray(((alpha > _CLEAR) * 255).astype(np.uint8))
    return np.asarray(seen.reduce(factor), np.float64) / 255


def _rectangle(small: npt.NDArray[np.float64]) -> float:
    """The area, in cells, of the smallest rectangle of any direction around what is visible."""
    rows = np.flatnonzero((small >= 0.5).any(axis=1))
    if not rows.size:
        return float(small.size)
    seen = small[rows] >= 0.5
    left, right = seen.argmax(axis=1), small.shape[1] - seen[:, ::-1].argmax(axis=1)
    x = np.concatenate([left, right, left, right]).astype(np.float64)
    y = np.concatenate([rows, rows, rows + 1, rows + 1]).astype(np.float64)
    turn = np.deg2rad(np.arange(0, 90))[:, None]
    across, down = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    return float((np.ptp(across, axis=1) * np.ptp(down, axis=1)).min())


def _flat(shown: Bytes, alpha: Bytes) -> bool:
    """Whether all that is visible has one colour: there is nothing in it to tell apart."""
    step = max(1, max(alpha.shape) // _SIDE)
    colours = shown[::step, ::step, :3][alpha[::step, ::step] > _CLEAR]
    return not len(colours) or bool((np.ptp(colours, axis=0) <= _SAME).all())


def _ground(shown: Bytes, alpha: Bytes) -> int:
    """Grey, white or black: which differs most from what is visible beside what is not."""
    step = max(1, max(alpha.shape) // _SIDE)
    seen = alpha[::step, ::step] > _CLEAR
    inside = np.pad(seen, 1, constant_values=True)
    whole = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    edge = seen & ~whole
    colours = shown[::step, ::step, :3][edge if edge.any() else seen].astype(np.float64)
    if not len(colours):
        return _GROUNDS[0]
    far = [np.percentile(np.abs(colours - ground).mean(axis=1), 20) for ground in _GROUNDS]
    return _GROUNDS[int(np.argmax(far))]


def _over(shown: Bytes, alpha: Bytes, ground: int) -> Bytes:
    """The picture on its ground; colours that are half seen are shown as they are."""
    out = np.full(shown.shape, 255, np.uint8)
    table = np.minimum(np.arange(256) / _BLENDED, 1).astype(np.float32)
    for top in range(0, len(shown), _ROWS):
        weight = table[alpha[top : top + _ROWS]][..., None]
        part = shown[top : top + _ROWS, :, :3]
        out[top : top + _ROWS, :, :3] = np.rint(ground + (part - np.float32(ground)) * weight)
    return out
