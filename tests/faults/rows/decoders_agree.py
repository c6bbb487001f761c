"""Pictures in every layout, decoded by nobgd and by others: who is sure, and who is wrong.

A file ends as a picture that is what was written and what every other decoder shows, or is
refused by its name.  It is a violation when its pixels differ, or when it is called damaged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nobgd.picture.decode import Picture, decode, look
from nobgd.values import Code, NobgdError

NAME, TITLE = "decoders_agree", "layouts: pixels against three other decoders"
FULL, SHORT = 6_400, 200
_PORTION = 200
_EXACT = 1.01  # of 255: rounding
_LOSSY = 3.01  # where JPEG or WebP is decoded: builds of one library differ in chroma and IDCT
# What another decoder is known to do otherwise, by its name and the layout's.
_OTHERWISE = (
    ("libvips", r"TIFF separated 16 .*assocalpha"),  # divides ink as if the alpha had 8 bits
    ("libvips", r"TIFF \w+ 32 .*assocalpha"),  # does not divide at all
    ("libvips|ImageMagick", "TIFF tiff_ccitt"),  # libtiff loses a last run that fills the strip
    ("libvips", "TIFF ycbcr"),  # shows Y, Cb and Cr as red, green and blue
    ("ImageMagick", "TIFF miniswhite"),  # is inverted with 4 bits, and beside an alpha
    ("ImageMagick", "TIFF ycbcr"),  # has its middle of Cb and Cr at 127.5
    ("ImageMagick", "TIFF signed"),  # takes the sign for a bit
)


def missing() -> str | None:
    """What this row needs and is not here."""
    try:
        import imagecodecs  # noqa: F401
        import tifffile  # noqa: F401
    except ImportError as error:
        return f"{error.name} is not installed"
    return None


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Compare the files start … stop; yields (next number, violations, counts)."""
    while start < stop:
        end = min(stop, start + _PORTION)
        folder = root / f"files-{start}"
        folder.mkdir()
        yield end, *_portion(folder, seed, start, end)
        for file in folder.iterdir():
            file.unlink()
        start = end


def _portion(folder: Path, seed: int, start: int, end: int) -> tuple[list[str], Counter[str]]:
    from faults import references
    from faults.layouts import made

    seen: Counter[str] = Counter()
    wrong: list[str] = []
    pictures: dict[int, tuple[Any, Picture]] = {}
    for number in range(start, end):
        file = made(seed, number)
        what = _outcome(file.data)
        if isinstance(what, NobgdError):
            seen["refused by name"] += 1
            if what.code is not Code.UNSUPPORTED:
                wrong.append(f"{number} ({file.name}): {what.code}: {what.reason}")
            continue
        if isinstance(what, Exception):
            wrong.append(f"{number} ({file.name}): {type(what).__name__}: {what}")
            continue
        file.shape = what.rgbx.shape[:2]
        pictures[number] = file, what
        seen[f"decoded {file.suffix[1:]}"] += 1
    plain = {n: file for n, (file, _) in pictures.items() if not file.raw and not file.frames}
    by_magick = references.by_magick(folder, plain)
    for name in ("imagecodecs", "libvips", "ImageMagick"):
        if name in references.NOT_HERE:
            seen[f"not compared: no {name} here"] += len(pictures)
    for number, (file, picture) in pictures.items():
        others = {
            "what was written": (file.rgb, file.alpha) if file.rgb is not None else None,
            "imagecodecs": _quiet(references.by_codecs, file),
            "libvips": _quiet(references.by_vips, file),
            "ImageMagick": by_magick.get(number),
        }
        for name, shown in others.items():
            if shown is None:
                continue
            problem = _difference(file, picture, shown, name)
            excused = any(re.search(a, name) and re.search(b, file.name) for a, b in _OTHERWISE)
            if problem and excused:
                seen[f"{name} is known to differ"] += 1
            elif problem:
                wrong.append(f"{number} ({file.name}): {name}: {problem}")
            else:
                seen[f"agrees with {name}"] += 1
    return wrong, seen


def _outcome(data: bytes) -> Picture | Exception:
    try:
        return decode(data, look(data))
    except Exception as error:
        return error


def _quiet(decoder: Any, file: Any) -> Any:
    """What another decoder shows; None where it cannot read the file."""
    try:
        return decoder(file)
    except Exception:
        return None


def _difference(file: Any, picture: Picture, shown: Any, name: str) -> str | None:
    rgb, alpha = shown
    pixels = picture.shown[..., :3] if file.raw == "cmyk" else picture.pixels
    if rgb.shape != pixels.shape:
        return f"{rgb.shape} is not {pixels.shape}"
    own = np.full(pixels.shape[:2], 255) if picture.alpha is None else picture.alpha
    other = np.full(pixels.shape[:2], 255.0) if alpha is None else alpha
    # where colours were multiplied with nearly nothing, no two ways of rounding agree
    seen = np.minimum(own, other) > (8 if "assocalpha" in file.name else 0)
    off = np.abs(pixels - rgb)[seen]
    lossy = "JPEG" in file.name or "lossy" in file.name
    most, mean = (_LOSSY, 1.0) if lossy else (_EXACT, 1.0)
    if file.raw:  # four inks, each rounded before they are put together
        most = 2.5 if "assocalpha" in file.name else 1.6
    if name == "what was written":
        most, mean = file.tolerance, file.mean
    if off.size and (off.max() > most or off.mean() > mean):
        return f"colours differ by up to {off.max():.1f}, {off.mean():.2f} on average"
    off = np.abs(own - other)
    limit = 8.0 if lossy and name == "what was written" else _EXACT
    if "unspecified" not in file.name and off.max() > limit:
        return f"alpha differs by up to {off.max():.1f}"
    return None
