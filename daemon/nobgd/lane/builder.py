"""Make what lanes only read: the optimised models in the cache, with their checksums.

Started as ``python -m nobgd.lane.builder`` with a pickled `wire.Setup` on stdin, by the
supervisor when a lane finds that a model is missing there or is not what was made.  It sees
models, which were verified, and no photo ever; a lane may read the cache and not write it.
Says on stdout, in JSON, what it threw away and what it could not make.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import sys

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported, or it phones home

from nobgd.lane.confine import confine
from nobgd.values import wire


def engine_of(setup: wire.Setup, weights: wire.Weights) -> str:
    """What runs these weights; int8 is always run by ONNX Runtime."""
    return setup.engine if weights.precision == "fp32" else "onnxruntime"


def lacking(setup: wire.Setup) -> list[tuple[wire.Weights, str]]:
    """Those weights whose made model is "missing" in the cache, or "altered" since it was made."""
    from nobgd.picture import optimised, sums

    found: list[tuple[wire.Weights, str]] = []
    for _, weights in setup.weights:
        if engine_of(setup, weights) == "ncnn":
            from nobgd.picture import winograd

            folder = winograd.folder_of(weights.sha256, setup.cache_dir)
        else:
            folder = optimised.folder_of(weights.sha256, setup.cache_dir)
        state = sums.state(folder)
        if state != "whole":
            found.append((weights, state))
    return found


def _make(setup: wire.Setup, weights: wire.Weights) -> bool:
    from nobgd.picture import optimised

    if engine_of(setup, weights) == "ncnn":
        from nobgd.picture import winograd

        with contextlib.suppress(Exception):  # the lane will say why it cannot run the model
            return winograd.make(weights.path, weights.sha256, setup.cache_dir)
        return False
    return optimised.make(weights.path, weights.sha256, setup.cache_dir)


def main() -> int:
    """See the module."""
    setup: wire.Setup = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the supervisor
    said = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    os.makedirs(setup.cache_dir, exist_ok=True)
    if setup.confine:
        models = {os.path.dirname(os.path.realpath(one.path)) for _, one in setup.weights}
        confine(sorted(models), [setup.cache_dir], None)
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
