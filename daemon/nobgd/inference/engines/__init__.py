"""What can run a model, one file each behind one seam.

An engine is a module of this folder, named as in ``workers.engine``, with

- ``folder_of(sha256, cache_dir)``: where what it makes of weights lies, None if it makes nothing;
- ``make(path, sha256, cache_dir)``: have that folder, whole; False where that cannot be;
- ``net(path, sha256, cache_dir, threads)``: the model, see `Net`.

This file itself imports none of them, for the supervisor reads it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from typing import Any, Protocol

from nobgd.inference import nvidia


class Net(Protocol):
    """An opened model; may be called by several threads at the same time."""

    def __call__(self, feed: Any) -> Any:
        """Raw masks, (N, S, S) float32, of inputs, (N, 3, S, S) float32."""


class Engine(Protocol):
    """A module of this folder."""

    def folder_of(self, sha256: str, cache_dir: str) -> str | None:
        """Where what is made of the weights with this checksum lies."""

    def make(self, path: str, sha256: str, cache_dir: str) -> bool:
        """Have that folder, whole; False where that cannot be."""

    def net(self, path: str, sha256: str, cache_dir: str, threads: int) -> Net:
        """The model at ``path``, for inferences by so many threads."""


BATCH = 8  # photos that are run together, at most


@dataclass(frozen=True, slots=True)
class Kind:
    """What is to be known of an engine before it is loaded."""

    package: str  # that is imported
    install: str  # what pip is asked for
    precisions: tuple[str, ...] = ("fp32", "int8")
    fixed: bool = False  # a net cannot change its threads: it has those of ``net_threads``
    batches: bool = False  # what waits is run together, by one thread
    device: bool = False  # it needs a device of NVIDIA's, and its files


KINDS = {
    "onnxruntime": Kind("onnxruntime", "nobgd"),
    "ncnn": Kind("ncnn", "nobgd[ncnn]", ("fp32",), fixed=True),
    "openvino": Kind("openvino", "nobgd[openvino]", fixed=True),
    "cuda": Kind("onnxruntime", "nobgd[cuda]", ("fp32",), fixed=True, batches=True, device=True),
}


def load(name: str) -> Engine:
    """The engine of this name.  Raises ImportError where its package is not installed."""
    engine: Engine = importlib.import_module(f"{__name__}.{name}")
    return engine


def for_precision(name: str, precision: str) -> str:
    """The engine that runs it where ``name`` is asked for: ONNX Runtime runs everything."""
    return name if precision in KINDS[name].precisions else "onnxruntime"


def installed(name: str) -> bool:
    """Whether its package is there; nothing is imported."""
    if KINDS[name].device:
        return bool(nvidia.look().wheel)
    return importlib.util.find_spec(KINDS[name].package) is not None


def works(name: str) -> bool:
    """Whether nothing is `lacking`."""
    return installed(name) and lacking(name) is None


def lacking(name: str) -> str | None:
    """What is to be done for an engine that cannot run here, in a sentence; None: nothing.

    It is installed, or not; one that needs a device is tried as well, once in a process, which
    takes seconds where there is one.
    """
    kind = KINDS[name]
    if kind.device:
        why = nvidia.lacking()
        return None if why is None else f"workers.engine is {name}, but {why}, or set it to auto"
    if installed(name):
        return None
    return (
        f"workers.engine is {name}, which is not installed: run `{sys.executable} -m pip install"
        f" '{kind.install}'`, or set it to auto"
    )
