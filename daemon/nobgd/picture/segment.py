"""Pixels to the model's input, and its answer to a mask; who runs the model is given.

The arithmetic is rembg's for U²-Net (sessions/base.py and sessions/u2net.py of 2.0.86).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nobgd.picture.lanczos import shrink
from nobgd.picture.pixels import Bytes
from nobgd.values import Code, NobgdError

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """The model's answer."""

    mask: Floats  # (S, S)
    ran: int  # threads that it was run by
    waited_s: float = 0.0  # for other photos' inferences, before its own began


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """An answer that is stretched already."""

    mask: Bytes  # (S, S)
    ran: int
    waited_s: float
    confidence: float


Infer = Callable[[Floats, int], Raw | Finished]  # of (1, 3, S, S), by so many threads if there are


class Spec(Protocol):
    """What a model wants: its input side and normalisation."""

    @property
    def input_size(self) -> int:
        """Side of the square input in pixels."""

    @property
    def mean(self) -> tuple[float, float, float]:
        """Subtracted per channel."""

    @property
    def std(self) -> tuple[float, float, float]:
        """Divided by per channel."""

    @property
    def logits(self) -> bool:
        """Whether its answer goes through a sigmoid."""


class Segmenter:
    """One model; not to be shared by threads that run at the same time."""

    def __init__(self, spec: Spec, infer: Infer, engine: str = "onnxruntime") -> None:
        self.engine = engine
        self._spec = spec
        self._infer = infer
        self.ran = 0  # threads that it was last run by
        self.waited_s = 0.0  # for others, the last time
        self.shown: Bytes | None = None  # the last picture as the model saw it, (S, S, 3) uint8

    def mask(self, pixels: Bytes, threads: int = 1) -> tuple[Bytes, float]:
        """The mask of upright pixels, (H, W, 3) or (H, W, 4) uint8, by so many ``threads``.

        Returns the mask, (S, S) uint8 with S the model's input side, stretched to 0…255 and
        truncated as rembg's, and the confidence: its largest value before, 0 to 1.
        """
        self.shown = small(pixels, self._spec.input_size, threads)
        self.ran, self.waited_s = 0, 0.0
        found = self._infer(normal(self.shown, self._spec), threads)
        self.ran, self.waited_s = found.ran, found.waited_s
        done = whole(found, self._spec)
        return done.mask, done.confidence


def whole(found: Raw | Finished, spec: Spec) -> Finished:
    """An answer, stretched if it is not yet."""
    if isinstance(found, Finished):
        return found
    mask, confidence = finished(found.mask, spec)
    return Finished(mask, found.ran, found.waited_s, confidence)


def finished(raw: Floats, spec: Spec) -> tuple[Bytes, float]:
    """A raw mask as `stretch` makes it, after the sigmoid where the model has none of its own."""
    return stretch(sigmoid(raw) if spec.logits else raw)


def sigmoid(raw: Floats) -> Floats:
    """1 / (1 + e^-x), as rembg's session of BiRefNet has it (sessions/birefnet_general.py)."""
    with np.errstate(over="ignore"):  # e^x beyond float32 is infinite, and the quotient 0
        return np.asarray(1 / (1 + np.exp(-raw)), np.float32)


def prepare(pixels: Bytes, spec: Spec, threads: int = 1) -> npt.NDArray[np.float32]:
    """The network's input, (1, 3, S, S) float32, from (H, W, 3) or (H, W, 4) uint8 RGB."""
    return normal(small(pixels, spec.input_size, threads), spec)


def small(pixels: Bytes, side: int, threads: int = 1) -> Bytes:
    """The picture, (H, W, 3) or (H, W, 4) uint8, at the model's size, (side, side, 3) uint8."""
    whole = pixels.base  # of a `Picture.pixels`: its four-byte memory, no copy
    four = (*pixels.shape[:2], 4)
    if isinstance(whole, np.ndarray) and whole.shape == four and pixels.shape[2] == 3:
        pixels = whole
    return shrink(pixels, side, threads)


def normal(shown: Bytes, spec: Spec) -> npt.NDArray[np.float32]:
    """The network's input, (1, 3, S, S) float32, from (S, S, 3) uint8."""
    scaled = shown / max(int(shown.max()), 1e-6)  # float64, as rembg computes it
    even = (scaled - spec.mean) / spec.std
    return np.ascontiguousarray(even.transpose(2, 0, 1)[None], dtype=np.float32)


def stretch(raw: npt.NDArray[Any]) -> tuple[Bytes, float]:
    """A raw mask stretched to 0…255 by its own extremes, truncated; and its largest value.

    Raises `NobgdError` INTERNAL for numbers that are none: a processor, a library or a file of
    weights that computes rubbish must not be published as a cut-out.
    """
    low, high = raw.min(), raw.max()
    if not (np.isfinite(low) and np.isfinite(high)):  # NaN anywhere makes both NaN
        raise NobgdError(
            Code.INTERNAL,
            "the model's answer holds values that are no numbers, so no cut-out is made; see"
            " `nobgd doctor`, and `nobgd models verify` for the weights",
        )
    if high <= low:
        return np.zeros(raw.shape, np.uint8), float(high)
    even = (raw - low) / (high - low)
    return (even.clip(0, 1) * 255).astype(np.uint8), float(high)
