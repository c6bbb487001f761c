"""Photos that compress like photos: real ones, brought to size, with sensor noise."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

RESOLUTIONS = (
    (640, 480), (960, 720), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160), (5120, 2880),
)  # fmt: skip
_NOISE = 4.0  # standard deviation of 8-bit values, as a small sensor has at ISO 400
_BUNDLED = Path(__file__).parent.parent / "models" / "calibration"

# Pictures taken of a subject, as one sends them to a background remover: portraits, products,
# pets.  The rule: u2net finds at least 30 % of the pixels more opaque than not.  The other
# bundled photos are of animals in landscapes and sights from afar; part `subject` has them all.
_OF_A_SUBJECT = (
    "africa", "bucket", "charminar", "coffee", "gatewayofindia", "panda", "astronaut",
    "brandenburggate", "chelsea", "dog", "volleyball",
)  # fmt: skip


def sources(folder: Path | None) -> list[Path]:
    """The user's own photos, or the bundled ones that were taken of a subject."""
    found = everything(folder)
    return found if folder else [path for path in found if path.stem in _OF_A_SUBJECT]


def everything(folder: Path | None) -> list[Path]:
    """The user's own photos, or all that are here for calibration."""
    folder = folder or _BUNDLED
    suffixes = (".jpg", ".jpeg", ".png")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)
    if not found:
        sys.exit(f"{folder} holds no JPEG or PNG; --photos wants a folder of photos")
    return found


def make(source: Path, size: tuple[int, int], target: Path, seed: int = 0) -> None:
    """Write ``source`` as a JPEG of exactly ``size`` pixels with noise of its own."""
    with Image.open(source) as picture:
        pixels = np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BICUBIC))
    noise = np.random.default_rng(seed).normal(0.0, _NOISE, pixels.shape)
    noisy = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(target, quality=92)
