"""A page as a file: PNG, JPEG or WebP, with its note and what is said beside its pixels."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import simplejpeg
from PIL import Image

from nobgd.picture import encode, exif, jpeg_note, provenance, webp_note
from nobgd.picture.deep import Cut
from nobgd.picture.rendering.page import Page
from nobgd.values import Code, NobgdError, Rendering

Parts = list[bytes | memoryview]

_ICC_BYTES = 65_519  # of a profile in one APP2 segment (ICC.1:2022, B.4)
_LONGEST = {"jpeg": 65_500, "webp": 16_383}  # a side: libjpeg's limit, and that of VP8
_EFFORT = {"fast": 1, "balanced": 4, "small": 6}  # WebP's method
_SRGB = frozenset({b"sRGB"})
UNSAID = "colour_unsaid"  # among the `notes` of the log


@dataclass(frozen=True, slots=True)
class Beside:
    """What a photo says beside its pixels."""

    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    exif: bytes | None = None  # a TIFF block, upright
    spoken: Mapping[bytes, bytes] = field(default_factory=dict)  # PNG chunks that speak of colour

    def told(self, metadata: str, size: tuple[int, int]) -> Beside:
        """What of it ``metadata`` lets through, true of a picture of ``size``; colour always."""
        if metadata == "none":
            return Beside(self.icc, spoken=self.spoken)
        block = self.exif
        if block is not None and metadata == "no_location":
            block = exif.without_location(block)
        if block is not None:
            block = exif.sized(block, *size)
        return Beside(self.icc, self.dpi, block, self.spoken)


@dataclass(frozen=True, slots=True)
class How:
    """What changes the time that a file takes, and its bytes, and no pixel."""

    compression: str = "fast"  # fast | balanced | small
    threads: int = 1


def unsaid(beside: Beside, rendering: Rendering) -> bool:
    """Whether the format cannot say what the photo's colours mean: it has no chunks for it."""
    return rendering.format != "png" and not beside.icc and bool(beside.spoken.keys() - _SRGB)


def write(
    page: Page, rendering: Rendering, note: provenance.Note, beside: Beside, how: How
) -> Parts:
    """The file's parts in their order.  Raises `NobgdError` for a side that it does not hold."""
    height, width = page.pixels.shape[:2]
    longest = _LONGEST.get(rendering.format)
    if longest is not None and max(width, height) > longest:
        raise NobgdError(
            Code.UNSUPPORTED,
            f"a {rendering.format} holds no more than {longest:,} pixels a side, and this has"
            f" {width}×{height}; lower output.longest_side, or take output.format png",
        )
    beside = beside.told(rendering.metadata, (width, height))
    match rendering.format:
        case "jpeg":
            return _jpeg(page, rendering.quality, note, beside)
        case "webp":
            return _webp(page, rendering.quality, note, beside, _EFFORT[how.compression])
        case _:
            pixels = cast(Cut, np.ascontiguousarray(page.pixels[..., : 3 if page.opaque else 4]))
            return encode.encode(
                pixels, icc=beside.icc, dpi=beside.dpi, exif=beside.exif, spoken=beside.spoken,
                extra=(provenance.chunk(note),), compression=how.compression, threads=how.threads,
            )  # fmt: skip


def mask(page: Page, note: provenance.Note, how: How) -> Parts:
    """The alpha of the page as a grey PNG."""
    assert page.alpha is not None  # noqa: S101 - it was asked for
    return encode.encode(
        page.alpha, extra=(provenance.chunk(note),), compression=how.compression,
        threads=how.threads,
    )  # fmt: skip


def _jpeg(page: Page, quality: int, note: provenance.Note, beside: Beside) -> Parts:
    data = simplejpeg.encode_jpeg(page.pixels, quality, "RGBX", "444", False)
    head = bytearray(data[:20])  # start of image, and the JFIF header with its resolution
    if beside.dpi:
        x, y = (min(65_535, max(1, round(each))) for each in beside.dpi)
        head[13:18] = bytes([1]) + x.to_bytes(2, "big") + y.to_bytes(2, "big")
    rest: Parts = []
    if beside.exif and len(beside.exif) <= 65_527:
        rest.append(jpeg_note.segment(0xE1, b"Exif\0\0" + beside.exif))
    icc = beside.icc or b""
    pieces = [icc[at : at + _ICC_BYTES] for at in range(0, len(icc), _ICC_BYTES)]
    rest += [
        jpeg_note.segment(0xE2, b"ICC_PROFILE\0" + bytes([number, len(pieces)]) + piece)
        for number, piece in enumerate(pieces[:255], 1)
    ]
    rest.append(memoryview(data)[20:])
    return jpeg_note.wrapped(bytes(head), rest, provenance.text(note))


def _webp(page: Page, quality: int, note: provenance.Note, beside: Beside, effort: int) -> Parts:
    image = Image.fromarray(page.pixels, "RGBX" if page.opaque else "RGBA")
    out = io.BytesIO()
    lossless = quality == 100
    image.save(
        out, "WEBP", lossless=lossless, quality=_lossless_effort(effort) if lossless else quality,
        method=effort, exact=lossless,
    )  # fmt: skip
    found = webp_note.chunks(out.getvalue())
    pixels = [found[kind] for kind in (b"ALPH", b"VP8 ", b"VP8L") if kind in found]
    return webp_note.wrapped(
        image.size, pixels, provenance.text(note), alpha=not page.opaque, icc=beside.icc,
        exif=beside.exif,
    )  # fmt: skip


def _lossless_effort(effort: int) -> int:
    return {1: 10, 4: 50}.get(effort, 90)
