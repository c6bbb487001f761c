"""What every part of the benchmarks shares: its settings, and the verdict on a bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Bench:
    """How much to measure, where, and on what."""

    work: Path  # a scratch folder on a local disk
    weights: Path  # the folder of u2net.onnx
    ours: tuple[str, ...]  # fp32, and of `VARIANTS` what is installed
    photos: Path | None  # the user's own
    runs: int  # per resolution and contender
    rounds: int  # of a folder
    short: bool  # only whether it works: a few small photos

    @property
    def single(self) -> tuple[str, ...]:
        """Those of ours that run one model."""
        return tuple(who for who in self.ours if who != "adaptive")

    def say(self, text: str) -> None:
        """One line of progress."""
        print(text, flush=True)


# The precision and the engine that a contender of ours is short for.  ncnn is what `auto` takes in
# fp32 as nobgd is installed; OpenVINO is what it takes in int8 where that is installed.
VARIANTS = {
    "fp32": ("fp32", "onnxruntime"), "int8": ("int8", "onnxruntime"), "ncnn": ("fp32", "ncnn"),
    "openvino": ("int8", "openvino"), "adaptive": ("adaptive", "auto"),
}  # fmt: skip
_LABELS = {
    "rembg": "rembg", "rembg-dc": "rembg `-dc`", "ncnn": "nobgd fp32, ncnn",
    "openvino": "nobgd int8, OpenVINO",
}  # fmt: skip


def label(who: str) -> str:
    """How a contender is called in tables and plots."""
    return _LABELS.get(who, f"nobgd {who}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One bar: what it asks, the figure, and whether it is met."""

    what: str
    bar: str
    figure: str
    met: bool


class Part(Protocol):
    """A module of the benchmarks."""

    def measure(self, bench: Bench) -> Any:
        """Figures, as plain values for JSON."""

    def section(self, result: Any) -> list[str]:
        """Their lines of Markdown."""

    def verdicts(self, result: Any) -> Sequence[Verdict]:
        """The bars that this part is held against."""


def at_least(what: str, figure: float, bar: float) -> Verdict:
    """A ratio that must not be smaller than ``bar``."""
    return Verdict(what, f"≥ {bar:g}×", f"{figure:.2f}×", figure >= bar)


def at_most(what: str, figure: float, bar: float, unit: str) -> Verdict:
    """A cost that must not be larger than ``bar``."""
    return Verdict(what, f"≤ {bar:g} {unit}", f"{figure:.3g} {unit}", figure <= bar)
