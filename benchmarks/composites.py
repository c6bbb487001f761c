"""Composites of 12 megapixels of which alpha and the subject's colours are known, of nine kinds.

Alpha is drawn at twice the size, so that a strand of half a pixel covers half a pixel, and goes
through a lens (a Gaussian of 0.7 pixels); bundled photos are the subject's texture and the ground
behind it; noise and a JPEG, 4:2:0, come last, as in a camera.  Those of even number are for
tuning, those of odd number for judging only.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Random = np.random.Generator

WIDE, HIGH = 4000, 3000
OF_EACH = 7
_TWICE = 2
_LENS, _NOISE, _QUALITY = 0.7, 1.5, 93
_PHOTOS = Path(__file__).parent.parent / "models" / "calibration"


@dataclass(frozen=True, eq=False, slots=True)
class Composite:
    """A photo and what it was made of."""

    number: int
    kind: str
    photo: Bytes  # (H, W, 3)
    alpha: Floats  # (H, W), 0 to 1
    subject: Bytes  # (H, W, 3): the subject's colours, there or not

    @property
    def judging(self) -> bool:
        """Whether nothing may be tuned on it."""
        return self.number % 2 == 1


def every(wide: int = WIDE, high: int = HIGH, *, most: int | None = None) -> Iterator[Composite]:
    """All composites, one after the other, kinds taking turns."""
    kinds = list(KINDS) * OF_EACH
    for number, kind in itertools.islice(enumerate(kinds), most):
        yield make(number, kind, wide, high)


def make(number: int, kind: str, wide: int = WIDE, high: int = HIGH) -> Composite:
    """One composite; the same each time."""
    random = np.random.default_rng(70_000 + number)
    photos = sorted(_PHOTOS.glob("*.jpg"))
    pen = Pen(wide, high, random)
    KINDS[kind](pen)
    image = pen.image.resize((wide, high), Image.Resampling.BOX)
    alpha = _optics(image.filter(ImageFilter.GaussianBlur(_LENS * wide / WIDE)), kind, random)
    subject = _cover(photos[number * 5 % len(photos)], wide, high)
    ground = _cover(photos[(number * 7 + 3) % len(photos)], wide, high, part=0.55)
    if number % 3 == 0:  # out of focus, as often
        ground = ground.filter(ImageFilter.GaussianBlur(10 * wide / WIDE))
    colours = _shaded(subject, random)
    share = alpha[..., None]
    mixed = share * colours + (1 - share) * np.asarray(ground, np.float32)
    mixed += random.normal(0, _NOISE, (high, wide, 1)).astype(np.float32)
    file = io.BytesIO()
    seen = Image.fromarray(np.rint(mixed.clip(0, 255)).astype(np.uint8))
    seen.save(file, "JPEG", quality=_QUALITY, subsampling=2)
    return Composite(number, kind, np.asarray(Image.open(file)), alpha, colours)


def _cover(path: Path, wide: int, high: int, *, part: float = 1.0) -> Image.Image:
    """The upper left ``part`` of a photo, where there is mostly background, at this size."""
    with Image.open(path) as whole:
        photo = whole.crop((0, 0, round(whole.width * part), round(whole.height * part)))
        scale = max(wide / photo.width, high / photo.height)
        size = math.ceil(photo.width * scale), math.ceil(photo.height * scale)
        left, top = (size[0] - wide) // 2, (size[1] - high) // 2
        large = photo.convert("RGB").resize(size, Image.Resampling.BICUBIC)
        return large.crop((left, top, left + wide, top + high))


def _shaded(photo: Image.Image, random: Random) -> Bytes:
    """The texture, drawn towards a colour of its own: a subject is not the photo that it is of."""
    tint = random.uniform(20, 235, 3)
    values: Bytes = np.rint(np.asarray(photo, np.float32) * 0.5 + tint * 0.5).astype(np.uint8)
    return values


def _optics(image: Image.Image, kind: str, random: Random) -> Floats:
    """The drawn alpha as it would be seen: blurred, moved or veiled where its kind asks for it."""
    scale = image.width / WIDE
    if kind == "defocus":
        blurred = image.filter(ImageFilter.GaussianBlur(random.uniform(8, 20) * scale))
        down = np.linspace(-2, 3, image.height, dtype=np.float32).clip(0, 1)[:, None]
        seen: Floats = (_values(image) * (1 - down) + _values(blurred) * down).astype(np.float32)
        return seen
    alpha = _values(image)
    if kind == "motion":
        half = max(1, round(random.uniform(20, 60) * scale))
        sums = np.cumsum(np.pad(alpha, ((0, 0), (half + 1, half))), axis=1, dtype=np.float64)
        width = 2 * half + 1
        return ((sums[:, width:] - sums[:, :-width]) / width).clip(0, 1).astype(np.float32)
    if kind == "veil":
        x = np.arange(image.width, dtype=np.float32) / scale
        folds = 0.48 + 0.2 * np.sin(x / 37 + 1.5 * np.sin(x / 210))
        veil = Image.new("L", image.size)
        middle, low = image.width / 2, image.height * 0.66
        box = (middle - 1300 * scale, low - 700 * scale, middle + 1300 * scale, low + 700 * scale)
        ImageDraw.Draw(veil).ellipse(box, fill=255)
        cloth = _values(veil.filter(ImageFilter.GaussianBlur(1.2 * scale))) * folds
        return (alpha + (1 - alpha) * cloth).astype(np.float32)
    return alpha


def _values(image: Image.Image) -> Floats:
    return np.asarray(image, np.float32) * np.float32(1 / 255)


class Pen:
    """Draws at twice the size; lengths are in pixels of a photo 4000 wide."""

    def __init__(self, wide: int, high: int, random: Random) -> None:
        self.scale = _TWICE * wide / WIDE
        self.image = Image.new("L", (_TWICE * wide, _TWICE * high))
        self.random = random
        self._draw = ImageDraw.Draw(self.image)
        self.middle = np.array([WIDE / 2, HIGH / 2]) + random.uniform(-150, 150, 2)

    def at(self, right: float, down: float) -> npt.NDArray[Any]:
        """A point beside the middle, (2,)."""
        return np.asarray(self.middle + np.array([right, down]))

    def fill(self, points: npt.NDArray[Any], value: int = 255) -> None:
        """A polygon, (n, 2), of the subject, or with 0 a hole in it."""
        self._draw.polygon([tuple(each) for each in points * self.scale], fill=value)

    def lines(self, paths: npt.NDArray[Any], widths: npt.NDArray[Any]) -> None:
        """Curves, (n, steps, 2), of ``widths``, (n,)."""
        for path, width in zip(paths * self.scale, widths * self.scale, strict=True):
            self._draw.line([tuple(each) for each in path], fill=255, width=max(1, round(width)))

    def blob(self, across: float, down: float, rough: float) -> npt.NDArray[Any]:
        """A closed, somewhat irregular curve around the middle, (720, 2)."""
        turn = np.linspace(0, 2 * np.pi, 720, endpoint=False)
        waves = np.arange(1, 8)[:, None]
        sizes, phases = self.random.normal(0, 1, (7, 1)) / waves, self.random.uniform(0, 6, (7, 1))
        radius = 1 + rough * (sizes * np.cos(waves * turn + phases)).sum(axis=0)
        round_ = np.stack([across * np.cos(turn), down * np.sin(turn)], axis=1)
        return np.asarray(self.middle + radius[:, None] * round_)

    def strands(self, along: npt.NDArray[Any], count: int, length: float, curl: float) -> None:
        """``count`` strands out of a closed curve, 0.6 to 2.5 pixels wide."""
        at = self.random.integers(0, len(along), count)
        out = along - along.mean(axis=0)
        angle = np.arctan2(out[at, 1], out[at, 0]) + self.random.normal(0, 0.35, count)
        bend = self.random.normal(0, curl, count)
        steps = np.linspace(0, 1, 12)
        turned = angle[:, None] + bend[:, None] * steps
        far = length * self.random.uniform(0.3, 1.1, (count, 1)) / len(steps)
        roots = along[at] - 0.06 * out[at]
        way = np.stack([np.cos(turned) * far, np.sin(turned) * far], axis=2)
        self.lines(roots[:, None] + way.cumsum(axis=1), self.random.uniform(0.6, 2.5, count))


def _product(pen: Pen, size: float) -> None:
    """A bottle, a box, a cog with holes or a shoe's outline."""
    x, y = pen.middle
    match pen.random.integers(4):
        case 0:
            down = np.linspace(-1, 1, 80)
            half = np.interp(down, [-1, -0.55, -0.3, 0.93, 1], [0.16, 0.16, 0.42, 0.42, 0.38])
            right = np.stack([x + half * size, y + down * size], axis=1)
            left = np.stack([x - half * size, y + down * size], axis=1)
            pen.fill(np.concatenate([right, left[::-1]]))
        case 1:
            corners = [(-0.8, -0.3), (0.1, -0.55), (0.9, -0.25), (0.85, 0.5), (0.05, 0.85),
                       (-0.75, 0.5)]  # fmt: skip
            pen.fill(np.array(corners) * size + pen.middle)
        case 2:
            turn = np.linspace(0, 2 * np.pi, 960, endpoint=False)
            radius = size * (0.85 + 0.12 * np.sign(np.sin(14 * turn)))
            pen.fill(pen.middle + radius[:, None] * _around(turn))
            for angle in np.arange(6) * np.pi / 3:
                hole = pen.middle + 0.5 * size * _around(angle) + 0.16 * size * _around(turn)
                pen.fill(hole, 0)
        case _:
            pen.fill(pen.blob(size, 0.45 * size, 0.12))
            sole = np.array([(-0.98, 0.3), (1.02, 0.3), (0.98, 0.5), (-0.95, 0.5)])
            pen.fill(sole * size + pen.middle)


def _around(turn: npt.NDArray[Any] | float) -> npt.NDArray[Any]:
    return np.stack([np.cos(turn), np.sin(turn)], axis=-1)


def _hard(pen: Pen) -> None:
    _product(pen, pen.random.uniform(850, 1100))


def _small(pen: Pen) -> None:
    pen.middle = pen.middle + pen.random.uniform(-500, 500, 2)
    if pen.random.random() < 0.5:
        _product(pen, 300)
    else:
        _animal(pen, 300, 60, 3000)


def _animal(pen: Pen, size: float, length: float, count: int) -> None:
    body = pen.blob(size, 0.75 * size, 0.08)
    pen.fill(body)
    pen.strands(body, count, length, 0.7)


def _fur(pen: Pen) -> None:
    _animal(pen, 950, pen.random.uniform(80, 200), 14_000)


def _hair(pen: Pen) -> None:
    pen.middle = pen.at(0, -350)
    skull = pen.blob(520, 640, 0.02)
    pen.fill(skull)
    pen.strands(skull, 3500, pen.random.uniform(250, 500), 0.8)
    pen.strands(skull, 160, 700, 1.4)
    pen.middle = pen.at(0, 1250)
    pen.fill(pen.blob(1050, 620, 0.03))


def _wire(pen: Pen) -> None:
    """Two wheels with spokes and a frame."""
    width = pen.random.uniform(2, 6)
    turn = np.linspace(0, 2 * np.pi, 500)
    hubs = [pen.at(side, 250) for side in (-720, 720)]
    for hub in hubs:
        for radius in (570, 590):
            pen.lines((hub + radius * _around(turn))[None], np.array([22]))
        ends = hub + 560 * _around(np.arange(28) * 2 * np.pi / 28 + pen.random.uniform(0, 1))
        spokes = np.stack([np.broadcast_to(hub, ends.shape), ends], axis=1)
        pen.lines(spokes, np.full(len(spokes), width))
    joints = np.array([hubs[0], pen.at(-190, -520), pen.at(520, -480),
                       pen.at(95, 280), hubs[0], pen.at(95, 280),
                       pen.at(-190, -520), pen.at(520, -480), hubs[1]])  # fmt: skip
    pen.lines(joints[None], np.array([26]))


def _hole(pen: Pen) -> None:
    """A basket of threads, or a doily with many holes."""
    turn = np.linspace(0, 2 * np.pi, 40)
    if pen.random.random() < 0.5:
        x, y = pen.middle
        for low, high in ((540, 800), (-660, -560)):
            pen.fill(np.array([(x - 950, y + low), (x + 950, y + low), (x + 930, y + high),
                               (x - 930, y + high)]))  # fmt: skip
        starts = np.linspace(-900, 350, 24)
        for lean in (550, -550):
            begin = starts if lean > 0 else starts + 550
            paths = [[(x + s, y - 600), (x + s + lean, y + 600)] for s in begin]
            pen.lines(np.array(paths), np.full(len(paths), 12))
        return
    pen.fill(pen.blob(950, 780, 0.05))
    for ring, count, size in ((0.25, 8, 50), (0.42, 14, 58), (0.6, 22, 52), (0.72, 30, 42)):
        for angle in np.arange(count) * 2 * np.pi / count:
            at = pen.middle + ring * np.array([950, 760]) * _around(angle)
            pen.fill(at + size * _around(turn), 0)


KINDS: dict[str, Callable[[Pen], None]] = {
    "hard": _hard, "hair": _hair, "fur": _fur, "motion": _hard, "veil": _hair, "wire": _wire,
    "hole": _hole, "defocus": _hard, "small": _small,
}  # fmt: skip
