"""Raw photos of cameras: their embedded full-size preview, or developed, both by LibRaw (rawpy).

The preview is the JPEG that the camera made of the same shot, with its own colours and noise
reduction: what its owner saw on the screen, in a tenth of the time.  A preview that is much
smaller than the sensor is none; such a photo is developed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np
import simplejpeg

from nobgd.picture import directory
from nobgd.picture.directory import Directory
from nobgd.picture.levels import Bytes
from nobgd.values import Code, NobgdError

CUT = "the raw data end too early"  # a complaint: the preview may be whole
DEVELOPED = "raw_developed"  # among the `notes` of the log
_FULL = 0.8  # of the sensor's width and height: previews of full size lack a border at most
_ROUND = 1.05  # and have no more
_TURNED = {0: 1, 3: 3, 5: 8, 6: 6}  # LibRaw's flip as EXIF's orientation
_TAIL = 64  # bytes: a JPEG's last ones are its own
_NO_OFFSET = 0xFFFF_FFFF
_SUB_DIRECTORIES, _FEW = 330, 16


def size(data: bytes) -> tuple[int, int, int]:
    """Width and height in pixels as stored, and how many bytes the file must have (0: untold)."""
    with _opened(data) as raw:
        sizes = raw.sizes
        return sizes.width, sizes.height, _needs(data)


class Preview(NamedTuple):
    """What the camera made of the shot."""

    picture: bytes | Bytes  # a JPEG, or (H, W, 3) uint8
    orientation: int  # EXIF's, by the sensor, for a JPEG that does not tell its own
    upright: bool  # it is turned already, whatever it tells


def preview(data: bytes) -> Preview | None:
    """The preview of full size; None where there is none.

    Raises what rawpy raises for a damaged file.
    """
    with _opened(data) as raw:
        import rawpy

        sizes = raw.sizes
        try:
            found = raw.extract_thumb()
        except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
            return None
        if found.format == rawpy.ThumbFormat.JPEG:
            jpeg = bytes(found.data)
            if jpeg[-_TAIL:] not in data:  # of a cut file LibRaw's buffer ends in foreign bytes
                return None
            width, height = _size_of(jpeg)
            picture: bytes | Bytes = jpeg
        elif found.format == rawpy.ThumbFormat.BITMAP and len(data) >= _needs(data):
            picture = np.array(found.data)
            height, width = picture.shape[:2]
        else:
            return None
        sides, sensor = sorted((width, height)), sorted((sizes.width, sizes.height))
        if any(side < _FULL * full for side, full in zip(sides, sensor, strict=True)):
            return None
        if width * height > _ROUND**2 * sizes.raw_width * sizes.raw_height:
            raise ValueError("its preview has more pixels than its sensor")
        turned = _TURNED.get(sizes.flip, 1)
        upright = turned in (6, 8) and (width < height) != (sizes.width < sizes.height)
        return Preview(picture, 1 if upright else turned, upright)


def developed(data: bytes, threads: int) -> Bytes:
    """The photo developed as the camera would: (H, W, 3) uint8, upright, in sRGB.

    The camera's white balance, LibRaw's defaults else.  Raises what rawpy raises.
    """
    with _opened(data) as raw:
        import rawpy

        _share(threads)
        out: Bytes = raw.postprocess(
            use_camera_wb=True, output_bps=8, output_color=rawpy.ColorSpace.sRGB
        )
        return out


@contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    try:
        import rawpy
    except ImportError as error:
        raise NobgdError(
            Code.UNSUPPORTED,
            f"raw photos need rawpy, which cannot be loaded ({error});"
            " pip install rawpy, then nobgd retry",
        ) from error
    raw = rawpy.RawPy()
    try:
        raw.open_buffer(io.BytesIO(data))
        yield raw
    except rawpy.LibRawFileUnsupportedError as error:
        raise NobgdError(
            Code.UNSUPPORTED,
            "a raw photo of a camera that LibRaw does not know; export it as JPEG or TIFF",
        ) from error
    except rawpy.LibRawIOError as error:
        raise NobgdError(
            Code.TRUNCATED, "the raw photo ends too early; copy the original again"
        ) from error
    except rawpy.LibRawTooBigError as error:
        raise NobgdError(
            Code.TOO_LARGE, "the raw photo is larger than LibRaw takes; export it as TIFF"
        ) from error
    finally:
        raw.close()


def _share(threads: int) -> None:
    """LibRaw's OpenMP takes all cores unless it is told; a lane has its share."""
    import ctypes

    with suppress(OSError, StopIteration), open("/proc/self/maps") as maps:
        path = next(line.split()[-1] for line in maps if "libgomp" in line and "rawpy" in line)
        ctypes.CDLL(path).omp_set_num_threads(threads)


def _size_of(jpeg: bytes) -> tuple[int, int]:
    height, width, *_ = simplejpeg.decode_jpeg_header(jpeg)
    return width, height


def _needs(data: bytes) -> int:
    """Where the last strip or tile of any page ends, of a raw photo that is a TIFF; else 0."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return 0
    end = 0
    with suppress(ValueError):
        for each in directory.directories(data):
            for found in (each, *_below(each)):
                end = max(end, _end(found))
    return end


def _below(page: Directory) -> list[Directory]:
    places = page.numbers(_SUB_DIRECTORIES)[:_FEW]
    return [directory.directory(page, place) for place in places]


def _end(page: Directory) -> int:
    end = 0
    with suppress(ValueError):
        offsets, sizes = page.blocks
        for offset, count in zip(offsets.tolist(), sizes.tolist(), strict=False):
            if offset < _NO_OFFSET:
                end = max(end, offset + count)
    return end
