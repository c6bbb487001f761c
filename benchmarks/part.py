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
    ours: tuple[str, ...]  # fp32, and int8 and ncnn where they are installed; see `variant`
    photos: Path | None  # the user's own
    runs: int  # per resolution and contender
    rounds: int  # of a folder
    short: bool  # only whether it works: a few small photos

    def say(self, text: str) -> None:
        """One line of progress."""
        print(text, flush=True)


def variant(who: str) -> tuple[str, str]:
    """The precision and the engine that a contender of ours is short for."""
    return ("fp32", "ncnn") if who == "ncnn" else (who, "onnxruntime")


def label(who: str) -> str:
    """How a contender is called in tables and plots."""
    others = {"rembg": "rembg", "rembg-dc": "rembg `-dc`", "ncnn": "nobgd fp32, ncnn"}
    return others.get(who, f"nobgd {who}")


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
