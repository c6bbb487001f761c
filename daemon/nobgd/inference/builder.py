"""Make what the model process only reads: models as engines want them, with their checksums.

Started as ``python -m nobgd.inference.builder`` with a pickled `wire.ModelSetup` on stdin, by
the supervisor when the model process finds that one is missing in the cache or is not what was
made.  It sees models, which were verified, and no photo ever.
Says on stdout, in JSON, what it threw away and what it could not make.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import sys

from nobgd.inference import engines, nvidia, sums
from nobgd.lane.confine import confine
from nobgd.values import wire


def lacking(setup: wire.ModelSetup) -> list[tuple[wire.Weights, str]]:
    """Those weights whose made model is "missing" in the cache, or "altered" since it was made."""
    found: list[tuple[wire.Weights, str]] = []
    for weights in setup.weights:
        folder = engines.load(weights.engine).folder_of(weights.sha256, setup.cache_dir)
        if folder is not None and (state := sums.state(folder)) != "whole":
            found.append((weights, state))
    return found


def device_files(setup: wire.ModelSetup) -> tuple[str, ...]:
    """What of a device its engines open; nothing where none needs one."""
    needs = any(engines.KINDS[one.engine].device for one in setup.weights)
    return nvidia.look().nodes if needs else ()


def _make(setup: wire.ModelSetup, weights: wire.Weights) -> bool:
    with contextlib.suppress(Exception):  # the model process will say why it cannot run it
        return engines.load(weights.engine).make(weights.path, weights.sha256, setup.cache_dir)
    return False


def main() -> int:
    """See the module."""
    setup: wire.ModelSetup = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the supervisor
    said = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    os.makedirs(setup.cache_dir, exist_ok=True)
    if setup.confine:
        confine(setup.read[1:], [setup.cache_dir], None, device=device_files(setup))
    altered: list[str] = []
    failed: list[str] = []
    for weights, state in lacking(setup):
        name = f"{weights.name} {weights.precision}"
        if state == "altered":
            altered.append(name)
        if not _make(setup, weights):
            failed.append(name)
    os.write(said, json.dumps({"altered": altered, "failed": failed}).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
