"""What a person painted over a cut-out: keep this, remove that; the rest is as the model said.

Strokes are grey, of any size, stretched over the photo: 128 leaves a pixel alone, 255 makes it the
photo's and opaque, 0 takes it away, and what is between does so in part.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from nobgd.picture.levels import Bytes
from nobgd.values import Code, NobgdError

MOST_BYTES = 4_000_000
LONGEST_SIDE = 2048  # pixels
NOTE = "edited"  # among the `notes` of the log
_ALONE = 128


def read(data: bytes) -> Bytes:
    """Strokes, (h, w) uint8, of a PNG.  Raises NobgdError for anything else."""
    refused = "what was painted over it is no PNG of 2,048 pixels a side at most; paint it again"
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            small = max(picture.size) <= LONGEST_SIDE and len(data) <= MOST_BYTES
            strokes = np.asarray(picture.convert("L")) if small else None
    except Exception:  # noqa: BLE001 - Pillow raises many kinds for broken files
        raise NobgdError(Code.BROKEN, refused) from None
    if strokes is None:
        raise NobgdError(Code.TOO_LARGE, refused)
    return strokes


class Touch:
    """Strokes over one photo.  `remember` before it is composed, `finish` after."""

    def __init__(self, strokes: Bytes, height: int, width: int) -> None:
        if strokes.shape == (height, width):
            layer = strokes
        else:
            made = Image.fromarray(strokes).resize((width, height), Image.Resampling.BILINEAR)
            layer = np.asarray(made)
        flat = layer.reshape(-1)
        self._kept = np.flatnonzero(flat > _ALONE)
        self._removed = np.flatnonzero(flat < _ALONE)
        wide = flat.astype(np.float32)
        self._by = (wide[self._kept] - _ALONE) / (255 - _ALONE)
        self._of = wide[self._removed] / _ALONE
        self._colours = np.empty((0, 3), np.uint8)

    def remember(self, rgbx: Bytes) -> None:
        """The photo's colours where it is to be kept; (H, W, 4), whose memory is used up then."""
        self._colours = rgbx.reshape(-1, 4)[self._kept, :3]

    def finish(self, rgba: Bytes) -> None:
        """Change a finished cut-out, (H, W, 4) uint8, in its memory."""
        flat = rgba.reshape(-1, 4)
        alpha = flat[self._removed, 3] * self._of
        flat[self._removed, 3] = alpha.round()
        gone = self._removed[alpha < 0.5]
        flat[gone, :3] = 0
        had = flat[self._kept].astype(np.float32)
        by = self._by[:, None]
        had[:, :3] = np.where(had[:, 3:] == 0, self._colours, had[:, :3])  # it had none of its own
        had[:, :3] += (self._colours - had[:, :3]) * by
        had[:, 3] += (255 - had[:, 3]) * self._by
        flat[self._kept] = had.round()
