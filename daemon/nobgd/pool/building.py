"""Have the cache of made models completed, for lanes that may only read it.

One process does it for all lanes that ask, one after the other: the later ones find it done.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass, replace

from nobgd.values import wire

_one = threading.Lock()
_hopeless: set[tuple[str, tuple[str, ...]]] = set()  # cache folders and models: said once


@dataclass(frozen=True, slots=True)
class Built:
    """Models, by name and precision, that differed from what was made, and that are not made."""

    altered: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def build(setup: wire.Setup, environment: dict[str, str], within_s: float) -> Built:
    """Run `lane.builder` and wait; may take a minute.  What goes wrong is a model not made."""
    everything = tuple(f"{one.name} {one.precision}" for _, one in setup.weights)
    with _one:
        if (setup.cache_dir, everything) in _hopeless:
            return Built()
        built = _run(setup, environment, within_s, everything)
        if built.failed:
            _hopeless.add((setup.cache_dir, everything))
        return built


def _run(
    setup: wire.Setup, environment: dict[str, str], within_s: float, everything: tuple[str, ...]
) -> Built:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nobgd.lane.builder"],
            input=pickle.dumps(replace(setup, taken=())), stdout=subprocess.PIPE,
            env=environment, timeout=within_s, check=True,
        )  # fmt: skip
        said = json.loads(done.stdout)
        return Built(tuple(map(str, said["altered"])), tuple(map(str, said["failed"])))
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return Built(failed=everything)
