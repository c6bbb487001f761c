"""Where the subject is, and what of the photo goes where on the page; arithmetic only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nobgd.values import Rendering

_SEEN = 13  # of 255, a twentieth: a stray grey pixel does not widen the box
_ROWS = 256

Box = tuple[int, int, int, int]  # left, top, right, bottom: right and bottom are outside


@dataclass(frozen=True, slots=True)
class Frame:
    """What of a photo is drawn where."""

    box: Box  # of the photo
    size: tuple[int, int]  # of what is drawn: the box, shrunk
    at: tuple[int, int]  # where its left and top are on the page
    page: tuple[int, int]  # width and height

    @property
    def scaled(self) -> bool:
        """Whether pixels are computed, rather than copied."""
        left, top, right, bottom = self.box
        return self.size != (right - left, bottom - top)


def subject(alpha: npt.NDArray[np.uint8]) -> Box | None:
    """The box of what is visible in (H, W) of 0 to 255; None where nothing is."""
    height, width = alpha.shape
    across = np.zeros(width, bool)
    down = np.zeros(height, bool)
    for top in range(0, height, _ROWS):
        seen = alpha[top : top + _ROWS] >= _SEEN
        across |= seen.any(axis=0)
        down[top : top + _ROWS] = seen.any(axis=1)
    rows, columns = np.flatnonzero(down), np.flatnonzero(across)
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def frame(size: tuple[int, int], found: Box | None, rendering: Rendering) -> Frame:
    """The frame of a photo of ``size`` (width, height) with its subject in the box ``found``.

    A canvas has the subject in its middle, so it takes what is around it away as `crop` does.
    A margin may lie beyond the photo: there is nothing to be seen there anyway.  Nothing is ever
    enlarged.
    """
    whole = (0, 0, *size)
    cropped = (rendering.crop or rendering.canvas is not None) and found is not None
    box = found if cropped and found is not None else whole
    margin = 0.0
    if cropped:
        longer = max(box[2] - box[0], box[3] - box[1])
        margin = rendering.margin * longer if rendering.relative else rendering.margin
    wide, high = box[2] - box[0] + 2 * margin, box[3] - box[1] + 2 * margin
    scale = 1.0
    page = (wide, high)
    if rendering.canvas is not None:
        across, down = rendering.canvas
        if rendering.shape:
            page = (max(wide, high * across / down), max(high, wide * down / across))
        else:
            page = (float(across), float(down))
            scale = min(1.0, across / wide, down / high)
    if rendering.longest_side is not None and (less := rendering.longest_side / max(page)) < 1:
        fixed = rendering.canvas is not None and not rendering.shape
        page = (page[0] * less, page[1] * less)
        scale = min(scale * less, page[0] / wide, page[1] / high) if fixed else less
    width, height = (max(1, round(side)) for side in page)
    return _placed(box, scale, (width, height))


def _placed(box: Box, scale: float, page: tuple[int, int]) -> Frame:
    """In the middle of the page, and not a pixel over its border."""
    wide = min(page[0], max(1, round((box[2] - box[0]) * scale)))
    high = min(page[1], max(1, round((box[3] - box[1]) * scale)))
    return Frame(box, (wide, high), ((page[0] - wide) // 2, (page[1] - high) // 2), page)
