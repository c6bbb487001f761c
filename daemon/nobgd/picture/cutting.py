"""From a picture to its cut-out: what the model is shown, and what its mask is put together with.

An opaque photo goes straight through; what is transparent already is decided in `ground`.  Edges
are refined where the model found something, the mask is coarse and the photo has no alpha of its
own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from PIL import Image

from nobgd.picture import colour_line, compose, doubt, ground, inside
from nobgd.picture.decode import Picture
from nobgd.picture.deep import Cut, joined
from nobgd.picture.edges import Edge
from nobgd.picture.lanczos import shrink
from nobgd.picture.levels import Bytes

_FOUND = 0.5  # of confidence: below it there is no subject whose edge could be refined
_COARSE = 4  # photo pixels for one of the mask: a mask that is finer has nothing to gain
KEPT = "own_alpha_kept"  # among the `notes` of the log


class Masks(Protocol):
    """The part of `segment.Segmenter` that is used here."""

    shown: Bytes | None

    ran: int

    def mask(self, pixels: Bytes, threads: int = 1) -> tuple[Bytes, float]:
        """The mask of (H, W, 4) uint8 and its confidence; ``ran`` says by how many threads."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What is subject."""

    mask: Bytes | None  # (S, S) uint8; None: the picture's own alpha is the answer
    confidence: float  # the mask's; 1 where the model was not asked
    threads: int  # that the model ran on; 0 where it did not run
    box: ground.Box | None = None  # what of the picture the mask is of; None: all of it
    notes: tuple[str, ...] = ()
    shown: Bytes | None = None  # the photo at the mask's size, (S, S, 3), where it is at hand
    edge: Edge | None = None  # what is to be refined of it
    doubt: float = 0.0  # see `picture.doubt`


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
    ran = segmenter.ran
    if alpha is not None and box and ground.nothing_to_cut(mask, confidence, alpha[box]):
        return Found(None, confidence, ran, notes=(KEPT,))
    at_hand = segmenter.shown if picture.seen is None and alpha is None else None
    return Found(mask, confidence, ran, box, shown=at_hand, doubt=doubt.doubt(mask, confidence))


def refine(picture: Picture, found: Found, edges: str, threads: int = 1) -> Found:
    """What was found with the edge that ``edges`` asks for, fine, plain or matting, if any."""
    rgbx, mask = picture.rgbx, found.mask
    if edges == "plain" or mask is None or picture.alpha is not None or found.confidence < _FOUND:
        return found
    height, width = rgbx.shape[:2]
    if edges == "matting":
        return _matted(rgbx, found, mask)
    if height * width < _COARSE**2 * mask.size:
        return found
    mask = inside.decided(mask)
    small = found.shown
    if small is None or small.shape[:2] != mask.shape:
        small = shrink(rgbx, len(mask), threads)
    edge = Edge(colour_line.planes(small, mask, height, width), height, width)
    return replace(found, mask=mask, edge=edge, shown=None)


def _matted(rgbx: Bytes, found: Found, mask: Bytes) -> Found:
    """The same by rembg's matting: at full size, or, of a large photo, at `matting.SIDE`.

    There what it found is brought up along the edge by the photo's own colours, as fine edges are.
    """
    from nobgd.picture import matting

    height, width = rgbx.shape[:2]
    scale = min(1.0, matting.SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    photo = Image.fromarray(rgbx, "RGBX").resize(size, Image.Resampling.BOX).convert("RGB")
    small = np.asarray(photo)
    coarse = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.LANCZOS))
    alpha = matting.refine(small, coarse)
    if scale == 1:
        return replace(found, mask=alpha, shown=None)
    planes = colour_line.planes(small, coarse, height, width, alpha)
    return replace(found, edge=Edge(planes, height, width), shown=None)


def finish(picture: Picture, found: Found, threads: int = 1) -> Bytes:
    """The cut-out, (H, W, 4) uint8, in the memory of the picture's pixels.

    Where there is an edge to refine it is not done yet: `finish_edge` comes next.
    """
    rgbx, alpha = picture.rgbx, picture.alpha
    if alpha is None:
        if found.mask is None:
            return rgbx
        return compose.compose(rgbx, found.mask, None, threads, found.edge)
    if found.mask is None:
        return compose.keep(rgbx, alpha)
    rows, columns = found.box or (slice(0, len(rgbx)), slice(0, rgbx.shape[1]))
    compose.compose(rgbx[rows, columns], found.mask, alpha[rows, columns], threads)
    for beside in (rgbx[: rows.start], rgbx[rows.stop :]):  # of a sheet: not seen
        beside[:] = 0
    for beside in (rgbx[rows, : columns.start], rgbx[rows, columns.stop :]):
        beside[:] = 0
    return rgbx


def deepened(picture: Picture, rgba: Bytes) -> Cut:
    """The finished cut-out in the depth of the photo, (H, W, 4); the picture is used up."""
    return rgba if picture.deep is None else joined(picture.deep, rgba)


def finish_edge(rgba: Bytes, found: Found, threads: int = 1) -> None:
    """Refine the edge of a cut-out that `finish` has made, in its memory."""
    if found.edge is not None:
        found.edge.finish(rgba, threads)


def again(picture: Picture) -> Cut:
    """The cut-out that a picture is already, by its own alpha, in the memory of its pixels."""
    rgba = picture.rgbx if picture.alpha is None else compose.keep(picture.rgbx, picture.alpha)
    return deepened(picture, rgba)
