"""Measuring: each engine, precision and number of inferences at a time, on this machine.

Each trial is a process of its own, so that its memory is its own.  What is chosen is decided by
`chosen`, from plain values.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nobgd import models
from nobgd.inference import engines
from nobgd.pool.mask_queue import powers
from nobgd.pool.tuned import Choice
from nobgd.quantize import photos
from nobgd.tune.trial import Order
from nobgd.values import wire

LONGEST_S = 120.0  # of all trials
_LEAST_S, _MOST_S = 2.0, 8.0  # that one measures
_START_S = 4.0  # that one takes besides
_PHOTOS = 4
_SAME = 1e-3  # of masks whose arithmetic is one recipe
_ALIKE = 0.97  # of the fastest: then less memory decides


@dataclass(frozen=True, slots=True)
class Trial:
    """What is measured."""

    precision: str
    engine: str
    at_a_time: int


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    trial: Trial
    per_minute: float  # inferences
    memory_mb: float  # PSS of the process, 10^6 bytes
    distance: float  # the largest mean difference of a mask to ONNX Runtime's in fp32, of 1
    why: str = ""  # it could not be measured


def trials(precisions: Sequence[str], cores: int) -> list[Trial]:
    """Each that is installed; ONNX Runtime's fp32, which the others are compared with, first."""
    return [
        Trial(precision, engine, at_a_time)
        for precision in sorted(precisions)
        for engine, kind in engines.KINDS.items()
        if precision in kind.precisions and engines.works(engine)
        for at_a_time in sorted({1, engines.BATCH if kind.batches else cores})
    ]


def chosen(model: str, results: Sequence[Result], room_mb: float) -> tuple[Choice, ...]:
    """The fastest for each precision, or one as fast that takes less memory.

    What does not fit, or whose fp32 is another arithmetic, is left out.
    """
    choices = []
    for precision in sorted({one.trial.precision for one in results}):
        good = [
            one for one in results
            if one.trial.precision == precision and not one.why and one.memory_mb <= room_mb
            and (precision != "fp32" or one.distance <= _SAME)
        ]  # fmt: skip
        if good:
            fastest = max(one.per_minute for one in good)
            alike = [one for one in good if one.per_minute >= _ALIKE * fastest]
            best = min(alike, key=lambda one: one.memory_mb).trial
            choices.append(Choice(model, precision, best.engine, best.at_a_time))
    return tuple(choices)


def measure(
    found: dict[str, models.ModelFile],
    folder: Path | None,
    cache_dir: Path,
    cores: int,
    say: Callable[[str], None],
) -> Iterator[Result]:
    """Run the trials of a model, whose files are given by precision, one after the other.

    Raises `models.ModelError` where there are too few photos.
    """
    spec = next(iter(found.values())).spec
    _, held_out = photos.chosen(folder)
    feeds = np.concatenate(photos.inputs(held_out[:_PHOTOS], spec, say))
    began, expected = time.monotonic(), None
    waiting = trials(tuple(found), cores)
    with tempfile.TemporaryDirectory(prefix="nobgd-tune-") as work:
        np.save(f"{work}/feeds.npy", feeds)
        while waiting:
            left = LONGEST_S - (time.monotonic() - began)
            one = waiting.pop(0)
            if left < _LEAST_S + _START_S:
                yield Result(one, 0.0, 0.0, 0.0, "no time was left for it")
                continue
            seconds = min(_MOST_S, max(_LEAST_S, left / (len(waiting) + 1) - _START_S))
            file = found[one.precision]
            weights = wire.Weights(
                str(file.path), file.sha256, spec.name, one.precision, spec.input_size, spec.mean,
                spec.std, one.engine,
            )  # fmt: skip
            threads = powers(cores // one.at_a_time)
            together = engines.KINDS[one.engine].batches
            order = Order(weights, str(cache_dir), one.at_a_time, threads, work, seconds, together)
            result, masks = _run(one, order, left)
            if expected is None:
                expected = masks
            yield result if masks is None or expected is None else Result(
                one, result.per_minute, result.memory_mb,
                float(np.abs(masks - expected).mean(axis=(1, 2)).max()),
            )  # fmt: skip


def _run(one: Trial, order: Order, within_s: float) -> tuple[Result, np.ndarray | None]:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nobgd.tune.trial"], input=pickle.dumps(order),
            capture_output=True, timeout=within_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Result(one, 0.0, 0.0, 0.0, "it took too long"), None
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return Result(one, 0.0, 0.0, 0.0, last[0] if last else f"exit {done.returncode}"), None
    said = json.loads(done.stdout)
    masks = np.load(f"{order.work}/masks.npy")
    return Result(one, float(said["per_minute"]), float(said["memory_mb"]), 0.0), masks
