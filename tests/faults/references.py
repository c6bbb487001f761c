"""Other decoders, each as (H, W, 3) floats of 0 … 255 and an alpha, upright: what they show.

None is nobgd's or Pillow's: tifffile with imagecodecs, libvips, ImageMagick.  One that is not
installed is None, and the row counts it.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile

from faults.layouts import Made, turned

Array = np.ndarray[Any, Any]
Shown = tuple[Array, Array | None]

try:
    import pyvips
except (ImportError, OSError):  # pragma: no cover - where it is not installed
    pyvips = None

MOGRIFY = shutil.which("mogrify")
NOT_HERE = frozenset(
    name for name, there in (("libvips", pyvips), ("ImageMagick", MOGRIFY)) if there is None
)


def by_codecs(made: Made) -> Shown | None:
    """By tifffile and imagecodecs."""
    match made.suffix:
        case ".tif":
            return _tiff(made)
        case ".png":
            array = imagecodecs.png_decode(made.data)
            white = 65535 if array.dtype == np.uint16 else 255
            return split(array, white)
        case ".jpg":
            if made.raw:
                inks = imagecodecs.jpeg8_decode(made.data, outcolorspace="cmyk")
                return subtracted(255 - inks.astype(float)), None  # Adobe's are inverted
            return split(imagecodecs.jpeg8_decode(made.data, outcolorspace="rgb"), 255)
        case _:
            array = imagecodecs.webp_decode(made.data, index=0)
            return split(array, 255)


def split(array: Array, white: float) -> Shown:
    """(H, W) or (H, W, 1 to 4) as colour and alpha."""
    array = array.reshape(*array.shape[:2], -1).astype(float) / white * 255
    alpha = array[..., -1] if array.shape[2] in (2, 4) else None
    colour = array[..., :3] if array.shape[2] > 2 else array[..., :1]
    return np.broadcast_to(colour, (*array.shape[:2], 3)), alpha


def subtracted(inks: Array) -> Array:
    """Light that inks leave, each from 0 to 255: the simplest way to see CMYK."""
    light: Array = (255 - inks[..., :3]) * (255 - inks[..., 3:4]) / 255
    return light


def _tiff(made: Made) -> Shown | None:
    with tifffile.TiffFile(io.BytesIO(made.data)) as file:
        page: Any = file.pages[0]
        array = page.asarray()
        photometric = page.photometric.name
        bits, extra = page.bitspersample, page.extrasamples
        planes = page.planarconfig == 2 and page.samplesperpixel > 1
        colours = page.colormap
        tag = page.tags.get(274)
        orientation = int(tag.value) if tag else 1
    if planes:
        array = array.transpose(1, 2, 0)
    array = array.reshape(*array.shape[:2], -1)
    white = float((1 << bits) - 1) if array.dtype.kind in "ub" else 1.0
    if array.dtype.kind == "i":
        white = 65535.0
    if photometric == "PALETTE":
        step = 257 if (colours % 257 == 0).all() else 256
        return turned((colours / step).T[array[..., 0].astype(int)], orientation), None
    share = array.astype(float) / white
    count = {"RGB": 3, "YCBCR": 3, "SEPARATED": 4, "CIELAB": 3}.get(photometric, 1)
    alpha = share[..., count] * 255 if extra and int(extra[0]) in (1, 2) else None
    colour = share[..., :count]
    if photometric == "MINISWHITE":
        colour = 1 - colour
    if photometric == "CIELAB":
        return None
    if alpha is not None and int(extra[0]) == 1:
        colour = np.minimum(colour / np.maximum(share[..., count : count + 1], 1 / white), 1)
    if photometric == "SEPARATED":
        rgb = subtracted(colour * 255)
    elif photometric == "YCBCR" and not made.name.startswith("TIFF JPEG"):
        y, cb, cr = (colour[..., n] * 255 - (128 if n else 0) for n in range(3))
        rgb = np.dstack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb])
        rgb = rgb.clip(0, 255)
    else:
        rgb = np.broadcast_to(colour[..., :3] * 255, (*colour.shape[:2], 3))
    return turned(rgb, orientation), None if alpha is None else turned(alpha, orientation)


def by_vips(made: Made) -> Shown | None:
    """By libvips."""
    if pyvips is None or " lzma " in made.name or " zstd " in made.name:
        return None  # its wheels have neither, and show black
    image = pyvips.Image.new_from_buffer(made.data, "", fail_on="error").autorot()
    if image.interpretation in ("lab", "labs", "labq"):
        return None
    array = image.numpy()
    whites = {"uchar": 255, "ushort": 65535, "uint": 2**32 - 1, "float": 1, "double": 1}
    if image.format not in whites:
        return None
    array = array.reshape(image.height, image.width, -1)
    if image.interpretation == "cmyk":
        share = array.astype(float) / whites[image.format] * 255
        return subtracted(share), share[..., 4] if array.shape[2] > 4 else None
    return split(array, whites[image.format])


def by_magick(folder: Path, many: dict[int, Made]) -> dict[int, Shown]:
    """By ImageMagick, all files of a folder in one go; those that it cannot read are left out."""
    if MOGRIFY is None:
        return {}
    for number, made in many.items():
        (folder / f"{number}{made.suffix}").write_bytes(made.data)
    names = [f"{number}{made.suffix}" for number, made in many.items()]
    command = [MOGRIFY, "-auto-orient", "-alpha", "set", "-depth", "16", "-format", "rgba", *names]
    subprocess.run(command, cwd=folder, capture_output=True, check=False)
    shown: dict[int, Shown] = {}
    for number, made in many.items():
        with contextlib.suppress(OSError, ValueError):
            values = np.fromfile(folder / f"{number}.rgba", "<u2")
            shape = made.shape
            shown[number] = split(values.reshape(*shape, 4), 65535)
    return shown
