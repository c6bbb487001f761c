"""A few dozen small pictures, each of which can be had in any number of unlike files."""

from __future__ import annotations

import functools
import hashlib
import io
import random
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

_BASES = 6
_SIZE = (72, 96)
KINDS = ("JPEG", "PNG", "TIFF", "WEBP")
ENDINGS = {"JPEG": "jpg", "PNG": "png", "TIFF": "tif", "WEBP": "webp"}


@functools.cache
def base(number: int) -> Image.Image:
    """A ball before a wall; no two alike."""
    rng = np.random.default_rng(number % _BASES)
    rows, columns = _SIZE
    y, x = np.mgrid[0:rows, 0:columns]
    middle = rng.integers(30, 42), rng.integers(38, 58)
    ball = np.hypot(y - middle[0], x - middle[1])[..., None] < rng.integers(18, 26)
    colour = rng.permutation([230, 60, 30]).astype(np.uint8)
    wall = np.uint8(140) + rng.integers(0, 20, (rows, columns, 1), dtype=np.uint8)
    return Image.fromarray(np.where(ball, colour, np.repeat(wall, 3, axis=2)).astype(np.uint8))


@functools.cache
def sky() -> Image.Image:
    """A gradient: a photo without a subject."""
    rows, columns = _SIZE
    ramp = np.linspace(90, 130, rows)[:, None] * np.ones((1, columns))
    return Image.fromarray(np.dstack([ramp, ramp + 30, ramp + 70]).astype(np.uint8))


def photo(number: int, kind: str, words: str, *, subject: bool = True) -> bytes:
    """A file of base picture ``number`` in which ``words`` are written.

    Equally long words make equally long files.
    """
    image = base(number) if subject else sky()
    return _saved(image, kind, words)


def _saved(image: Image.Image, kind: str, words: str, **more: Any) -> bytes:
    out = io.BytesIO()
    kinds: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 90, "comment": words.encode()},
        "PNG": {"pnginfo": _text(words)},
        "TIFF": {"description": words, "compression": "tiff_lzw"},
        "WEBP": {"lossless": True, "xmp": words.encode()},
    }
    options = kinds[kind]
    # a copy: Pillow keeps how it encodes with the image, which other threads use as well
    image.copy().save(out, kind, **options, **more)
    return out.getvalue()


def _text(words: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", words)
    return info


def pages(number: int, kind: str, words: str, count: int) -> bytes:
    """A TIFF of several pages, a PNG or a WebP of several frames."""
    others = [base(number + each).copy() for each in range(1, count)]
    more: dict[str, object] = {"save_all": True, "append_images": others}
    if kind != "TIFF":
        more["duration"] = 100
    return _saved(base(number), kind, words, **more)


def broken(words: str, chance: random.Random) -> bytes:
    """What is named like a photo and can never be done."""
    if chance.random() < 0.5:
        return b"\0\0\0\x18ftypheic" + words.encode() + chance.randbytes(800)
    return words.encode() + chance.randbytes(600)


class Masks:
    """The masks of all base pictures, by the real model, in a file that lanes take them from."""

    def __init__(self, path: Path, cache: Path) -> None:
        from nobgd import models
        from nobgd.inference import local
        from nobgd.picture import decode

        found = models.find("u2netp", "fp32", None)
        segmenter = local.segmenter(str(found.path), found.spec, 1, str(cache))
        kept: dict[str, Any] = {}
        self.confidence: dict[str, float] = {}
        for subject, count in ((True, _BASES), (False, 1)):
            for number in range(count):
                for kind in KINDS:
                    data = photo(number, kind, "x", subject=subject)
                    pixels = decode.decode(data, decode.look(data)).pixels
                    plain = np.ascontiguousarray(pixels[..., :3])
                    key = f"{plain.shape} {hashlib.sha256(plain.data).hexdigest()}"
                    if key not in kept:
                        mask, confidence = segmenter.mask(pixels, 1)
                        kept[key], kept[f"{key} confidence"] = mask, confidence
                    what = f"{kind} {number} {'subject' if subject else 'none'}"
                    self.confidence[what] = float(kept[f"{key} confidence"])
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            np.savez(out, **kept)
