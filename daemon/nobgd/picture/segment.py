"""Pixels to a mask by ONNX Runtime, or by ncnn where that is asked for; offline.

The arithmetic is rembg's for U²-Net (sessions/base.py and sessions/u2net.py of 2.0.86).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when onnxruntime is imported, never later

import numpy as np
import numpy.typing as npt

from nobgd.picture import known, optimised
from nobgd.picture.lanczos import shrink
from nobgd.picture.pixels import Bytes
from nobgd.values import Code, NobgdError

Run = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]  # (1, 3, S, S) to (S, S)


class Spec(Protocol):
    """What a model wants: its checksum, input side and normalisation."""

    @property
    def sha256(self) -> str:
        """Checksum of the weights, lower-case hex."""

    @property
    def input_size(self) -> int:
        """Side of the square input in pixels."""

    @property
    def mean(self) -> tuple[float, float, float]:
        """Subtracted per channel."""

    @property
    def std(self) -> tuple[float, float, float]:
        """Divided by per channel."""


class Segmenter:
    """One loaded model; not to be shared by threads that run at the same time."""

    def __init__(
        self, path: str, spec: Spec, threads: int, cache_dir: str, engine: str = "onnxruntime"
    ) -> None:
        known.check()
        self.threads = threads
        self.engine = engine
        self._spec = spec
        self._open: Callable[[int], Run]
        if engine == "ncnn":
            from nobgd.picture import winograd  # an optional extra

            self._open = partial(winograd.net, path, spec.sha256, cache_dir)
        else:
            self._open = partial(_session, path, spec.sha256, cache_dir)
        self._runs = {threads: self._open(threads)}
        self.shown: Bytes | None = None  # the last picture as the model saw it, (S, S, 3) uint8

    def mask(self, pixels: Bytes, threads: int | None = None) -> tuple[Bytes, float]:
        """The mask of upright pixels, (H, W, 3) or (H, W, 4) uint8, by so many ``threads``.

        Returns the mask, (S, S) uint8 with S the model's input side, stretched to 0…255 and
        truncated as rembg's, and the confidence: its largest value before, 0 to 1.
        """
        count = self.runs_on(threads or self.threads)
        if count not in self._runs:
            self._runs[count] = self._open(count)
        self.shown = small(pixels, self._spec.input_size, threads or count)
        return stretch(self._runs[count](normal(self.shown, self._spec)))

    def runs_on(self, threads: int) -> int:
        """How many threads the model takes where it may have ``threads``."""
        return self.threads if self.engine == "ncnn" else threads  # a net cannot change its own


def _session(path: str, sha256: str, cache_dir: str, threads: int) -> Run:
    session = optimised.session(path, sha256, threads, cache_dir)
    source, target = session.get_inputs()[0].name, session.get_outputs()[0].name
    return lambda feed: np.asarray(session.run([target], {source: feed})[0])[0, 0]


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
