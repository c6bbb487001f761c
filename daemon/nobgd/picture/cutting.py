"""From a picture to its cut-out: what the model is shown, and what its mask is put together with.

An opaque photo goes straight through; what is transparent already is decided in `ground`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nobgd.picture import compose, ground
from nobgd.picture.decode import Picture
from nobgd.picture.levels import Bytes

KEPT = "own_alpha_kept"  # among the `notes` of the log


class Masks(Protocol):
    """The part of `segment.Segmenter` that is used here."""

    def mask(self, pixels: Bytes, threads: int | None = None) -> tuple[Bytes, float]:
        """The mask of (H, W, 4) uint8 and its confidence."""

    def runs_on(self, threads: int) -> int:
        """How many threads the model takes where it may have ``threads``."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What is subject."""

    mask: Bytes | None  # (S, S) uint8; None: the picture's own alpha is the answer
    confidence: float  # the mask's; 1 where the model was not asked
    threads: int  # that the model ran on; 0 where it did not run
    box: ground.Box | None = None  # what of the picture the mask is of; None: all of it
    notes: tuple[str, ...] = ()


def find(picture: Picture, segmenter: Masks, threads: int) -> Found:
    """Ask the model, if there is anything to ask."""
    shown, alpha = picture.shown, picture.alpha
    box = None
    if alpha is None and picture.cut_out:
        return Found(None, 1.0, 0, notes=(KEPT,))
    if alpha is not None:
        view = ground.view(shown, alpha, picture.cut_out)
        if view is None:
            return Found(None, 1.0, 0, notes=(KEPT,))
        shown, box = view.pixels, view.box
    mask, confidence = segmenter.mask(shown, threads)
    ran = segmenter.runs_on(threads)
    if alpha is not None and box and ground.nothing_to_cut(mask, confidence, alpha[box]):
        return Found(None, confidence, ran, notes=(KEPT,))
    return Found(mask, confidence, ran, box)


def finish(picture: Picture, found: Found, threads: int = 1) -> Bytes:
    """The cut-out, (H, W, 4) uint8, in the memory of the picture's pixels."""
    rgbx, alpha = picture.rgbx, picture.alpha
    if alpha is None:
        return rgbx if found.mask is None else compose.compose(rgbx, found.mask, None, threads)
    if found.mask is None:
        return compose.keep(rgbx, alpha)
    rows, columns = found.box or (slice(0, len(rgbx)), slice(0, rgbx.shape[1]))
    compose.compose(rgbx[rows, columns], found.mask, alpha[rows, columns], threads)
    for beside in (rgbx[: rows.start], rgbx[rows.stop :]):  # of a sheet: not seen
        beside[:] = 0
    for beside in (rgbx[rows, : columns.start], rgbx[rows, columns.stop :]):
        beside[:] = 0
    return rgbx
