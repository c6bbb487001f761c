"""A TIFF's samples as RGBX memory and the picture's own transparency, by what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from nobgd.picture import colour, tiff
from nobgd.picture.colour import Painted
from nobgd.picture.deep import canvas, sixteen
from nobgd.picture.directory import Directory
from nobgd.picture.layout import (
    BLACK_IS_ZERO,
    CIELAB,
    CMYK,
    ICCLAB,
    JPEG,
    PALETTE,
    RGB,
    UNSIGNED,
    WHITE_IS_ZERO,
    Layout,
)
from nobgd.picture.levels import Bytes, eight, opaque, ranged

_ROWS = 64  # painted at once
Paint = Callable[[npt.NDArray[Any]], Bytes]  # (n, W, C) samples to (n, W, 3) or (n, W) uint8


def rendered(directory: Directory, layout: Layout, icc: bytes | None) -> Painted:
    """The page of ``directory`` as RGB.

    Raises `NobgdError`, or what Pillow raises for damaged data.
    """
    out = np.empty((layout.height, layout.width, 4), np.uint8)
    out[..., 3] = 255
    channels = layout.channels
    alpha = np.empty(out.shape[:2], np.uint8) if layout.alpha else None
    if layout.format != UNSIGNED and layout.photometric == BLACK_IS_ZERO:
        whole = np.concatenate([part for _, part in tiff.rows(directory, layout)])
        out[..., :3] = ranged(whole[..., 0])[..., None]
        if alpha is not None and layout.alpha:
            alpha = ranged(whole[..., layout.alpha[0]])
        return Painted(out, None if alpha is None else opaque(alpha), _kept(icc))
    paint, kept, assumed = _paint(directory, layout, icc)
    seen = np.full_like(out, 255) if layout.photometric == CMYK else None
    deep = canvas(layout.height, layout.width) if _deep(layout, icc) else None
    for top, samples in _bands(tiff.rows(directory, layout)):
        bottom = top + len(samples)
        values = samples[..., :channels]
        if alpha is not None and layout.alpha:
            number, multiplied = layout.alpha
            share = samples[..., number]
            alpha[top:bottom] = eight(share, layout.bits)
            if multiplied and layout.photometric not in (PALETTE, CIELAB, ICCLAB):
                values = _divided(values, share, layout)
            if deep is not None:
                deep[top:bottom, :, 3] = sixteen(share, layout.bits)
        if seen is not None:
            seen[top:bottom, :, :3] = colour.plain(eight(values, layout.bits))
        if deep is not None:
            deep[top:bottom, :, :3] = sixteen(values, layout.bits)
            if layout.photometric == WHITE_IS_ZERO:
                deep[top:bottom, :, :3] ^= 65535
        painted = paint(values)
        out[top:bottom, :, :3] = painted if painted.ndim == 3 else painted[..., None]
    clear = None if alpha is None else opaque(alpha)
    changed = kept is None and icc is not None
    return Painted(out, clear, kept, assumed, seen, changed, deep)


def _deep(layout: Layout, icc: bytes | None) -> bool:
    """Whether it has more than eight bits of grey or RGB, which stay as they are."""
    grey_or_rgb = layout.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB)
    managed = layout.photometric != RGB and colour.of_grey(icc) is not None
    return 8 < layout.bits <= 16 and grey_or_rgb and not managed


def _bands(
    parts: Iterator[tuple[int, npt.NDArray[Any]]],
) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """The same in fewer rows at once: a strip may be the whole picture."""
    for top, samples in parts:
        for begin in range(0, len(samples), _ROWS):
            yield top + begin, samples[begin : begin + _ROWS]


def _divided(values: npt.NDArray[Any], share: npt.NDArray[Any], layout: Layout) -> npt.NDArray[Any]:
    """Samples that were multiplied with their alpha, without that, in their own depth."""
    white = (1 << layout.bits) - 1
    if layout.photometric == WHITE_IS_ZERO:
        return white - _scaled(white - values, share, white)
    return _scaled(values, share, white)


def _scaled(values: npt.NDArray[Any], share: npt.NDArray[Any], white: int) -> npt.NDArray[Any]:
    whole = values * (white / np.maximum(share, 1)[..., None].astype(np.float64))
    out: npt.NDArray[Any] = np.rint(np.minimum(whole, white)).astype(values.dtype)
    return out


def _kept(icc: bytes | None) -> bytes | None:
    return icc if colour.space(icc) == b"RGB " else None


def _paint(
    directory: Directory, layout: Layout, icc: bytes | None
) -> tuple[Paint, bytes | None, tuple[str, ...]]:
    """What makes RGB of samples, the profile that is then right, and what was assumed."""
    bits = layout.bits
    match layout.photometric:
        case 0 | 1:
            managed = colour.of_grey(icc)

            def grey(values: npt.NDArray[Any]) -> Bytes:
                shade = eight(values[..., 0], bits)
                if layout.photometric == WHITE_IS_ZERO:
                    shade = 255 - shade
                return managed(shade) if managed else shade

            return grey, _kept(icc), ()
        case 3:
            shades = _palette(directory, bits)
            return lambda values: shades[values[..., 0]], _kept(icc), ()
        case 5:
            inks, assumed = colour.of_cmyk(icc)
            return (
                lambda v: inks(eight(v, bits)),
                None,
                (("cmyk_profile_assumed",) if assumed else ()),
            )
        case 8 | 9:
            return lambda values: colour.srgb_of_lab(_lab(values, layout)), None, ()
        case 6 if layout.compression != JPEG:
            return _ycbcr, _kept(icc), ()
        case _:
            return lambda values: eight(values, bits), _kept(icc), ()


def _palette(directory: Directory, bits: int) -> Bytes:
    """The colour map, (2**bits, 3) uint8; some programs write 255 · 256, some 255 · 257."""
    values = np.array(directory.numbers(320), np.int64)
    if values.size != 3 << bits:
        raise ValueError("the palette has not as many colours as it must")
    if values.max() < 256:
        shades = values
    elif (values % 256 == 0).all():
        shades = values // 256
    else:
        shades = (values * 2 + 257) // 514
    return shades.astype(np.uint8).reshape(3, -1).T.copy()


def _ycbcr(values: npt.NDArray[Any]) -> Bytes:
    """Full-range YCbCr of ITU-R BT.601 (TIFF 6.0, section 21), rounded."""
    y, cb, cr = (values[..., n].astype(np.float32) for n in range(3))
    cb, cr = cb - 128, cr - 128
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=-1)
    out: Bytes = np.rint(rgb.clip(0, 255)).astype(np.uint8)
    return out


def _lab(values: npt.NDArray[Any], layout: Layout) -> npt.NDArray[Any]:
    """Encoded CIELAB as numbers (TIFF 6.0, section 23; Adobe's tech notes for ICC Lab)."""
    step = 1 << (layout.bits - 8)  # of a and b
    signed = np.dtype(f"i{layout.bits // 8}")
    lightness = values[..., :1].view(f"u{layout.bits // 8}").astype(np.float32)
    lightness *= 100 / ((1 << layout.bits) - 1)
    pair = np.ascontiguousarray(values[..., 1:])
    if layout.photometric == ICCLAB:
        ab = pair.astype(np.float32) / step - 128
    else:
        ab = pair.view(signed).astype(np.float32) / step
    return np.concatenate([lightness, ab], axis=-1)
