"""Bytes to upright pixels and the metadata worth keeping; strict, and only after `look`.

`simplejpeg` decodes RGB JPEGs straight into the memory that the cut-out is finished in:
66 ms for 20 MP instead of 160 ms through Pillow, with the same pixels (both are
libjpeg-turbo).  Whatever it refuses, Pillow decides.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import simplejpeg
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngImageFile

from nobgd.picture import (
    boxes,
    camera,
    colour,
    heif,
    integrity,
    jpeg,
    jpeg_scan,
    layout,
    metadata,
    nclx,
    png_chunks,
    png_colour,
    png_depth,
    provenance,
    viewing,
)  # fmt: skip
from nobgd.picture import exif as exif_block
from nobgd.picture.colour import Painted
from nobgd.picture.container import Container
from nobgd.picture.deep import Words
from nobgd.picture.directory import page
from nobgd.picture.ending import finished
from nobgd.picture.header import Header, look, open_picture, quiet
from nobgd.picture.pixels import Bytes, to_rgbx, upright
from nobgd.picture.render import rendered
from nobgd.values import Code, NobgdError

__all__ = ["Header", "Picture", "decode", "finished", "look"]

_ICC, _X, _Y, _UNIT = 34675, 282, 283, 296  # a TIFF's profile and resolution
_INCHES = {2: 1.0, 3: 2.54}  # per inch, per centimetre


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded photo, upright, in sRGB or the colours of `icc`."""

    rgbx: Bytes  # (H, W, 4) uint8, contiguous, writable; the fourth byte is 255
    alpha: Bytes | None = None  # (H, W) uint8: the photo's own transparency, if any
    icc: bytes | None = None  # an RGB profile
    dpi: tuple[float, float] | None = None
    exif: bytes | None = None  # a TIFF block as PNG's eXIf wants it, orientation 1, no thumbnail
    complaints: tuple[str, ...] = ()  # what was repaired or left out, no pixel of it; one of each
    spoken: dict[bytes, bytes] = field(default_factory=dict)  # PNG chunks that speak of colour
    assumed: tuple[str, ...] = ()  # what the file left open: see `notes` in the log's schema
    seen: Bytes | None = None  # (H, W, 4) uint8 RGBX: what the model gets, if not these pixels

    deep: Words | None = None  # (H, W, 4): the same and alpha in 16 bits, where the file has more
    cut_out: bool = False  # an output of nobgd's, given again

    @property
    def shown(self) -> Bytes:
        """(H, W, 4) uint8: what the model gets."""
        return self.rgbx if self.seen is None else self.seen

    @property
    def pixels(self) -> Bytes:
        """(H, W, 3) uint8 upright RGB: a view, every fourth byte of the memory left out."""
        return self.rgbx[..., :3]


def decode(data: bytes, header: Header, threads: int = 1, *, develop: bool = False) -> Picture:
    """Decode the first frame; of a raw photo the camera's preview, or develop it.

    ``threads`` is how many a decoder may use that has threads.  Raises `NobgdError`: TRUNCATED
    when pixels are missing, BROKEN when they make no sense, OUT_OF_MEMORY.  The caller has
    checked ``header.megapixels`` against its limit.
    """
    complaints: list[str] = []
    try:
        data = integrity.sound(data, header, complaints)
        if header.format == "TIFF":
            return _tiff(data, complaints)
        if header.format == "HEIF":
            painted, exif, spoken = heif.painted(data, threads)
            return _finished(painted, 1, None, exif, spoken, complaints, adobe=False)
        if header.format == "RAW":
            return _raw(data, complaints, threads, develop)
        survey = header.survey_of(data)
        with quiet(), open_picture(data, header.format, complaints, survey) as image:
            return _decode(data, image, complaints)
    except MemoryError as error:
        raise NobgdError(
            Code.OUT_OF_MEMORY,
            f"{header.megapixels:.0f} megapixels do not fit into the lane's memory; lower"
            " workers.max_megapixels or workers.count",
        ) from error
    except NobgdError as error:
        if error.code is Code.BROKEN and not {jpeg_scan.NO_END, camera.CUT}.isdisjoint(complaints):
            raise NobgdError(
                Code.TRUNCATED, "the picture ends too early; copy the original again"
            ) from error
        raise
    except Exception as error:
        said = str(error).strip() or type(error).__name__
        if "truncated" in said.lower():
            raise NobgdError(
                Code.TRUNCATED, f"the picture ends too early ({said}); copy the original again"
            ) from error
        raise NobgdError(
            Code.BROKEN, f"the picture is damaged ({said}); copy or export the original again"
        ) from error


def _decode(
    data: bytes, image: ImageFile.ImageFile, complaints: list[str],
    turned: int | None = None, beside: bytes | None = None,
) -> Picture:  # fmt: skip
    """``turned`` and ``beside`` are orientation and EXIF that are known from elsewhere."""
    orientation = metadata.orientation(image) if image.format != "PNG" else 1
    orientation = orientation if turned is None else turned
    block = beside or image.info.get("exif")
    dpi = metadata.dots(image.info.get("dpi"))
    painted: Painted | None = None
    spoken: dict[bytes, bytes] = {}
    if image.format == "JPEG" and image.mode == "RGB":
        with suppress(ValueError):
            height, width, *_ = simplejpeg.decode_jpeg_header(data)
            if (width, height) == image.size:  # of which the caller's limit spoke
                rgbx, said = jpeg.rgbx(data)
                complaints += said
                painted = Painted(rgbx, icc=metadata.rgb_profile(image))
    if painted is None and isinstance(image, PngImageFile):
        painted = _png(data, image)
        orientation = metadata.orientation(image)  # may follow the pixels
        block = image.info.get("exif")
        if not painted.changed:
            spoken = png_colour.kept(png_chunks.survey(data), painted.icc is not None)
    elif painted is None and image.format == "AVIF":
        found = boxes.of(data)
        if image.size != found.size:
            raise ValueError("its size is not what its description says")
        image.load()
        painted, spoken = _of_avif(image, found)
    elif painted is None:
        if image.format == "JPEG":
            complaints += jpeg.check(data)
        image.load()
        painted = to_rgbx(image)
    image.close()
    exif = block if isinstance(block, bytes) else None
    adobe = exif is not None and exif_block.says_adobe_rgb(exif)
    clear = image.mode.endswith("A")  # an output of ours on a ground is a photo like another
    cut_out = clear and provenance.find(data[: provenance.HEAD_BYTES]) is not None
    return _finished(painted, orientation, dpi, exif, spoken, complaints, adobe, cut_out)


def _png(data: bytes, image: PngImageFile) -> Painted:
    bits, kind = png_depth.depth(data)
    if bits == 16 and kind != 0:
        low = open_picture(data, "PNG") if kind != 4 else None
        rgbx, alpha, deep = png_depth.sixteen(data, image, low)
        icc = image.info.get("icc_profile")
        managed = colour.of_grey(icc) if kind == 4 else None
        if managed:
            rgbx[..., :3] = managed(rgbx[..., 0])
            return Painted(rgbx, alpha, changed=True)
        return Painted(rgbx, alpha, icc if colour.space(icc) == b"RGB " else None, deep=deep)
    hidden = image.info.get("transparency")
    if kind == 0 and bits in (2, 4) and isinstance(hidden, int):
        image.info["transparency"] = png_depth.stretched(hidden, bits)
    image.load()
    return to_rgbx(image)


def _of_avif(image: ImageFile.ImageFile, found: Container) -> tuple[Painted, dict[bytes, bytes]]:
    """Pillow tells of a profile and not of the numbers that most AVIF pictures have instead."""
    painted = to_rgbx(image)
    painted = painted._replace(assumed=(*painted.assumed, *heif.notes(found)))
    if painted.icc or painted.changed or found.nclx is None:
        return painted, {}
    icc, spoken = nclx.meaning(*found.nclx[:2])
    return painted._replace(icc=icc), spoken


def _raw(data: bytes, complaints: list[str], threads: int, develop: bool) -> Picture:
    found = None if develop else camera.preview(data)
    own = None
    with quiet(), suppress(Exception):  # odd metadata costs no photo
        block = Image.Exif()
        block.load(data)
        own = metadata.kept_exif(block)
    if found is None:
        pixels = camera.developed(data, threads)
        painted = Painted(_four(pixels), assumed=(camera.DEVELOPED,))
        return _finished(painted, 1, None, own, {}, complaints, adobe=False)
    if not isinstance(found.picture, bytes):
        painted = Painted(_four(found.picture))
        return _finished(painted, found.orientation, None, own, {}, complaints, adobe=False)
    header = look(found.picture)
    shot = integrity.sound(found.picture, header, complaints)
    with quiet(), open_picture(shot, header.format, complaints) as image:
        told = metadata.says_orientation(image) and not found.upright
        known = None if told else found.orientation
        return _decode(shot, image, complaints, known, own)


def _four(pixels: Bytes) -> Bytes:
    out = np.empty((*pixels.shape[:2], 4), np.uint8)
    out[..., :3], out[..., 3] = pixels, 255
    return out


def _tiff(data: bytes, complaints: list[str]) -> Picture:
    directory = page(data)
    found = layout.of(directory)
    with quiet():
        painted = rendered(directory, found, directory.block(_ICC) or None)
        exif = metadata.exif_of_tiff(data)
    scale = _INCHES.get(directory.number(_UNIT, 2), 0.0)
    dots = (*directory.ratios(_X)[:1], *directory.ratios(_Y)[:1])
    dpi = metadata.dots(tuple(each * scale for each in dots))
    adobe = found.channels == 3 and exif_block.says_adobe_rgb(data)
    return _finished(painted, found.orientation, dpi, exif, {}, complaints, adobe)


def _finished(
    painted: Painted, orientation: int, dpi: tuple[float, float] | None, exif: bytes | None,
    spoken: dict[bytes, bytes], complaints: list[str], adobe: bool,
    cut_out: bool = False,
) -> Picture:  # fmt: skip
    """The picture upright, all that goes by axes too, with the profile that its EXIF names."""
    turned = 5 <= orientation <= 8
    icc = painted.icc
    if adobe and icc is None and not spoken and not painted.changed:
        icc = colour.adobe_rgb()
    alpha, seen = (
        upright(part, orientation) if part is not None else None
        for part in (painted.alpha, painted.seen)
    )
    rgbx = upright(painted.rgbx, orientation)
    return Picture(
        rgbx, alpha, icc, (dpi[1], dpi[0]) if dpi and turned else dpi,
        exif_block.neutral(exif, turned) if exif else None, _few(complaints), spoken,
        painted.assumed, _shown(rgbx, seen, icc, spoken),
        None if painted.deep is None else upright(painted.deep, orientation), cut_out,
    )  # fmt: skip


def _shown(
    rgbx: Bytes, seen: Bytes | None, icc: bytes | None, spoken: dict[bytes, bytes]
) -> Bytes | None:
    """What the model gets where the numbers do not look as sRGB's do."""
    curve = viewing.curve(icc, spoken) if seen is None and (icc or spoken) else None
    return seen if curve is None else curve[rgbx]


def _few(complaints: list[str]) -> tuple[str, ...]:
    """Each once, and no more than a line of the log bears: the file may be made to complain."""
    return tuple(said[:120] for said in list(dict.fromkeys(complaints))[:8])
