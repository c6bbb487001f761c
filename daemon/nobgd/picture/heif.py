"""HEIC pictures: decoded by libheif (pillow-heif), upright, with what they say of their colours.

libheif applies rotation, mirroring and crop, which are part of the picture; the orientation that
EXIF repeats is not to be applied again (ISO/IEC 23008-12, 6.5.10 and A.4).  The primary picture
alone is looked at: no thumbnail, depth map, gain map or second view.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nobgd.picture import boxes, nclx
from nobgd.picture import exif as exif_block
from nobgd.picture.colour import Painted, space
from nobgd.picture.container import Container
from nobgd.picture.deep import Words, canvas, sixteen
from nobgd.picture.levels import Bytes, opaque, table
from nobgd.values import Code, NobgdError

GAIN_MAP = "gain_map_left_out"  # among the `notes` of the log
_ROWS = 64


def painted(data: bytes, threads: int) -> tuple[Painted, bytes | None, dict[bytes, bytes]]:
    """The picture, its EXIF block, and what it says of colour besides a profile.

    Raises `NobgdError` UNSUPPORTED where pillow-heif is not installed, or what it raises.
    """
    found = boxes.of(data)
    image = _open(data, threads)
    told = found.size
    if image.size[0] * image.size[1] > told[0] * told[1]:  # of which the caller's limit spoke
        raise ValueError("it is larger than its description says")
    info = image.info
    samples = _samples(image)
    bits = int(info.get("bit_depth", 8))
    rgbx, alpha, deep = _rgbx(samples, image.mode, bits)
    icc, spoken = info.get("icc_profile"), dict[bytes, bytes]()
    if space(icc) != b"RGB ":
        icc = None
        if found.nclx is not None:
            icc, spoken = nclx.meaning(*found.nclx[:2])
    block = info.get("exif")
    exif = exif_block.neutral(block, found.turned) if isinstance(block, bytes) else None
    return Painted(rgbx, alpha, icc, notes(found), deep=deep), exif, spoken


def notes(found: Container) -> tuple[str, ...]:
    """What of the file is knowingly not in the picture."""
    return (GAIN_MAP,) if found.gain_map else ()


def _open(data: bytes, threads: int) -> Any:
    try:
        import pillow_heif
    except ImportError as error:
        raise NobgdError(
            Code.UNSUPPORTED,
            f"HEIC needs pillow-heif, which cannot be loaded ({error});"
            " pip install pillow-heif, then nobgd retry",
        ) from error
    options = pillow_heif.options
    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    options.DECODE_THREADS = threads if threads > 1 else 0  # 0: no thread besides this one
    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    return file[file.primary_index]


def _samples(image: Any) -> np.ndarray[Any, Any]:
    """Rows of samples, (H, W, C), as they are."""
    raw = image.data
    width, height = image.size
    dtype = np.dtype("u1") if ";" not in image.mode else np.dtype("<u2")
    channels = len(image.mode.partition(";")[0])
    rows = np.frombuffer(raw, dtype).reshape(height, image.stride // dtype.itemsize)
    return rows[:, : width * channels].reshape(height, width, channels)


def _rgbx(
    samples: np.ndarray[Any, Any], mode: str, bits: int
) -> tuple[Bytes, Bytes | None, Words | None]:
    name = mode.partition(";")[0]
    height, width = samples.shape[:2]
    out = np.empty((height, width, 4), np.uint8)
    clear = np.empty((height, width), np.uint8) if name[-1] in "Aa" else None
    to_eight = table(bits) if samples.dtype != np.uint8 else None
    deep = canvas(height, width) if to_eight is not None and name[-1] != "a" else None
    for top in range(0, height, _ROWS):
        band = samples[top : top + _ROWS]
        if deep is not None:
            here = deep[top : top + _ROWS]
            here[..., :3] = sixteen(band[..., : -1 if clear is not None else None], bits)
            if clear is not None:
                here[..., 3] = sixteen(band[..., -1], bits)
        if to_eight is not None:
            band = to_eight[band]
        into = out[top : top + _ROWS]
        into[..., 3] = 255
        if clear is None:
            into[..., :3] = band
            continue
        share = clear[top : top + _ROWS]
        share[:] = band[..., -1]
        into[..., :3] = band[..., :-1]
        if name[-1] == "a":  # multiplied with it
            whole = into[..., :3] * (255.0 / np.maximum(share, 1)[..., None])
            into[..., :3] = np.rint(whole.clip(0, 255))
    return out, None if clear is None else opaque(clear), deep
