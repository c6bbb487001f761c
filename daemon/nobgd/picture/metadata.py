"""What a picture says of itself besides its pixels, as far as a cut-out keeps it."""

from __future__ import annotations

import math
from contextlib import suppress

from PIL import Image, ImageFile

from nobgd.picture.header import open_picture

_ORIENTATION = 0x0112
_KEPT_FROM_TIFF = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
_EXIF_IFD, _GPS_IFD, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005


def says_orientation(image: ImageFile.ImageFile) -> bool:
    """Whether its EXIF has one."""
    with suppress(Exception):
        return _ORIENTATION in image.getexif()
    return False


def rgb_profile(image: ImageFile.ImageFile) -> bytes | None:
    """Its profile, if that is one of RGB."""
    icc = image.info.get("icc_profile")
    return icc if isinstance(icc, bytes) and len(icc) >= 128 and icc[16:20] == b"RGB " else None


def orientation(image: ImageFile.ImageFile) -> int:
    """EXIF's, 1 to 8; 1 where none can be read."""
    with suppress(Exception):  # damaged EXIF must not cost the photo
        return int(image.getexif().get(_ORIENTATION, 1))
    return 1


def exif_of_tiff(data: bytes) -> bytes | None:
    """The few tags of a TIFF that speak of the photo and not of the file's layout."""
    with suppress(Exception), open_picture(data, "TIFF") as image:  # Pillow reads not every one
        return kept_exif(image.getexif())
    return None


def kept_exif(old: Image.Exif) -> bytes | None:
    """A TIFF block of the tags that speak of the photo."""
    new = Image.Exif()
    for tag in _KEPT_FROM_TIFF:
        if tag in old:
            new[tag] = old[tag]
    for directory in (_EXIF_IFD, _GPS_IFD):
        if entries := dict(old.get_ifd(directory)):
            if _INTEROPERABILITY in entries:  # a place in the old file
                entries[_INTEROPERABILITY] = old.get_ifd(_INTEROPERABILITY)
            new[directory] = entries
    return new.tobytes().removeprefix(b"Exif\0\0") if len(new) else None


def dots(value: object) -> tuple[float, float] | None:
    """Dots per inch, if these are such."""
    with suppress(TypeError, ValueError):
        x, y = (float(part) for part in value)  # type: ignore[attr-defined]
        if all(math.isfinite(part) and 1 <= part <= 100_000 for part in (x, y)):
            return x, y
    return None
