"""Have the cache of made models completed, for the model process, which may only read it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from nobgd.values import wire

_one = threading.Lock()
_hopeless: set[tuple[str, tuple[str, ...]]] = set()  # cache folders and models: said once


@dataclass(frozen=True, slots=True)
class Built:
    """Models, by name and precision, that differed from what was made, and that are not made."""

    altered: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def build(setup: wire.ModelSetup, environment: dict[str, str], within_s: float) -> Built:
    """Run `inference.builder` and wait; may take a minute.  What goes wrong is a model not made."""
    everything = tuple(f"{one.name} {one.precision}" for one in setup.weights)
    with _one:
        if (setup.cache_dir, everything) in _hopeless:
            return Built()
        built = _run(setup, environment, within_s, everything)
        if built.failed:
            _hopeless.add((setup.cache_dir, everything))
        return built


def complete(
    setup: wire.ModelSetup, environment: dict[str, str], within_s: float,
    told: Callable[[str, dict[str, Any]], None],
) -> None:  # fmt: skip
    """The same, and tell what was found."""
    done = build(setup, environment, within_s)
    if done.altered:
        which = " and ".join(done.altered)
        why = f"{which} in {setup.cache_dir} is not what was made there: it is made anew"
        told("cache.altered", {"why": why})
    if done.failed:
        which = " and ".join(done.failed)
        why = f"{which} cannot be kept in {setup.cache_dir}: is there room, may it be"
        told("cache.unusable", {"why": f"{why} written? Without it a start takes longer"})


def _run(
    setup: wire.ModelSetup, environment: dict[str, str], within_s: float,
    everything: tuple[str, ...],
) -> Built:  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nobgd.inference.builder"],
            input=pickle.dumps(replace(setup, taken=())), stdout=subprocess.PIPE,
            env=environment, timeout=within_s, check=True,
        )  # fmt: skip
        said = json.loads(done.stdout)
        return Built(tuple(map(str, said["altered"])), tuple(map(str, said["failed"])))
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return Built(failed=everything)
