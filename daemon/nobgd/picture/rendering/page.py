"""The page: a cut-out in its frame, on its ground."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from nobgd.picture.deep import Cut
from nobgd.picture.levels import Bytes, table
from nobgd.picture.rendering.frame import Frame, frame, subject
from nobgd.picture.rendering.shrink import shrunk
from nobgd.values import Rendering

_ROWS = 64
_GREYS = ("#000000", "#ffffff")  # black and white are so in every RGB


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What the output shows."""

    pixels: Cut  # (H, W, 4) contiguous: uint8, or big-endian and of 16 bits
    opaque: bool = False  # it is on a ground: every alpha is the highest
    alpha: Cut | None = None  # (H, W, 1) contiguous: the mask, where it is asked for


def render(cut: Cut, rendering: Rendering, icc: bytes | None = None) -> Page:
    """Render a cut-out, (H, W, 4), of 8 bits or of 16 as `deep.joined` makes it.

    Without another frame or ground it is done in the cut-out's own memory, or nothing is.  ``icc``
    is the profile that its colours are in: a ground is given in sRGB.  JPEG and WebP have 8 bits.
    """
    if rendering.format != "png" and cut.dtype != np.uint8:
        cut = _eight(cut)
    if rendering.reframes:
        height, width = cut.shape[:2]
        found = subject(_shown_alpha(cut))
        cut = _drawn(cut, frame((width, height), found, rendering))
    alpha = cut[..., 3:].copy() if rendering.mask else None
    if rendering.background == "none":
        return Page(cut, alpha=alpha)
    ground(cut, in_profile(rendering.background, icc))
    return Page(cut, opaque=True, alpha=alpha)


def ground(cut: Cut, colour: tuple[int, int, int]) -> None:
    """Put ``colour``, of 8 bits a channel, behind (H, W, 4), in its memory; opaque pixels stay."""
    full = 255 if cut.dtype == np.uint8 else 65535
    behind = np.array(colour, np.uint64) * np.uint64(full // 255)
    pixel = np.dtype(np.uint32 if cut.dtype == np.uint8 else np.uint64)  # all of one at once
    pure = np.array([*behind, full], cut.dtype).view(pixel)[0]
    for top in range(0, len(cut), _ROWS):
        part: npt.NDArray[Any] = cut[top : top + _ROWS].reshape(-1, 4)
        alpha = part[:, 3]
        np.copyto(part.view(pixel)[:, 0], pure, where=alpha == 0)
        soft = np.flatnonzero((alpha != 0) & (alpha != full))
        if soft.size:
            share = alpha[soft, None].astype(np.uint64)
            mixed = part[soft, :3] * share + behind * (full - share) + full // 2
            part[soft, :3] = mixed // full
            alpha[soft] = full


def in_profile(colour: str, icc: bytes | None) -> tuple[int, int, int]:
    """A colour #rrggbb of sRGB as the profile has it; as it is where it cannot be told."""
    levels = bytes.fromhex(colour.removeprefix("#"))
    plain = (levels[0], levels[1], levels[2])
    if not icc or colour in _GREYS:
        return plain
    try:
        change = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(io.BytesIO(icc)), "RGB", "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )  # fmt: skip
        found: Any = change.apply(Image.new("RGB", (1, 1), plain)).getpixel((0, 0))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return plain
    return int(found[0]), int(found[1]), int(found[2])


def _eight(cut: npt.NDArray[Any]) -> Bytes:
    """A cut-out of 16 bits as of 8, by bands."""
    out = np.empty(cut.shape, np.uint8)
    for top in range(0, len(cut), _ROWS):
        out[top : top + _ROWS] = table(16)[cut[top : top + _ROWS].astype(np.uint16)]
    return out


def _shown_alpha(cut: npt.NDArray[Any]) -> Bytes:
    alpha = cut[..., 3]
    return alpha if cut.dtype == np.uint8 else (alpha >> 8).astype(np.uint8)


def _drawn(cut: Cut, where: Frame) -> Cut:
    """A page with what the frame takes of the cut-out."""
    (left, top, right, bottom), (x, y), (wide, high) = where.box, where.at, where.size
    part = cut[top:bottom, left:right]
    if where.scaled:
        part = shrunk(part, where.size)
    if where.page == where.size:
        return cast(Cut, np.ascontiguousarray(part))
    page = np.zeros((where.page[1], where.page[0], 4), cut.dtype)
    page[y : y + high, x : x + wide] = part
    return page
