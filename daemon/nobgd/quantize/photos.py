"""Photos to network inputs: some to calibrate on, others held out to judge by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nobgd.models import ModelError, ModelSpec, shipped_directory
from nobgd.picture.decode import decode, look
from nobgd.picture.pixels import Bytes
from nobgd.picture.segment import prepare
from nobgd.values import NobgdError

Floats = npt.NDArray[np.float32]

FEWEST = 12  # of the user's photos: eight to calibrate on, four to judge by
_MOST = 60  # more make it longer and nothing better
_HELD_OUT = 3  # every third of the user's photos is held out
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"})
_MEGAPIXELS = 200


def chosen(folder: Path | None) -> tuple[list[Path], list[Path]]:
    """Files to calibrate on and files to judge by, from ``folder`` or the bundled ones.

    No file is in both.  `ModelError` when there are too few.
    """
    if folder is None:
        home = shipped_directory() / "calibration"
        both = _photos(home), _photos(home / "held-out")
        if not all(both):
            raise ModelError(f"{home}: the bundled photos are missing; name some: --photos FOLDER")
        return both
    found = _photos(folder)
    if len(found) < FEWEST:
        raise ModelError(
            f"{folder}: has {len(found)} photos and at least {FEWEST} are needed, of the kind"
            " you cut out; add some or leave --photos out to use the bundled ones"
        )
    if len(found) > _MOST:
        found = [found[number * len(found) // _MOST] for number in range(_MOST)]
    held_out = found[_HELD_OUT - 1 :: _HELD_OUT]
    return [each for each in found if each not in held_out], held_out


def inputs(files: list[Path], spec: ModelSpec, say: Callable[[str], None]) -> list[Floats]:
    """The network's input for every file, each (1, 3, S, S) float32; unreadable ones are said."""
    return [prepare(pixels, spec) for pixels in _decoded(files, say)]


def varied(files: list[Path], spec: ModelSpec, say: Callable[[str], None]) -> list[Floats]:
    """As `inputs`, and beside each photo its middle, larger: other sizes of subject."""
    made = []
    for pixels in _decoded(files, say):
        high, wide = (side // 5 for side in pixels.shape[:2])
        middle = np.ascontiguousarray(pixels[high : high * 4, wide : wide * 4])
        made += [prepare(each, spec) for each in (pixels, middle) if each.size]
    return made


def _decoded(files: list[Path], say: Callable[[str], None]) -> Iterator[Bytes]:
    """Upright pixels, (H, W, 3) uint8, one photo at a time, as the daemon decodes them."""
    for path in files:
        try:
            data = path.read_bytes()
            header = look(data)
            if header.megapixels > _MEGAPIXELS:
                say(f"{path}: left out, it has {header.megapixels:.0f} megapixels")
                continue
            yield decode(data, header).pixels
        except (OSError, NobgdError) as error:
            say(f"{path}: left out ({error})")


def _photos(folder: Path) -> list[Path]:
    try:
        names = sorted(folder.iterdir())
    except OSError as error:
        raise ModelError(f"{folder}: cannot be read ({error.strerror})") from error
    return [
        path
        for path in names
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
