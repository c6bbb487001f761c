"""Time an inference as the user we are: ``python -m nobgd.doctor.speed CONFIG``, JSON back.

The model of the first inbox runs as the daemon would run it, in a process of its own, from what
the cache holds: nothing is made, so before the first start there is nothing to time.  What a lane
does besides is estimated from one step of it: the shrinking of a picture of 12 megapixels.
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from nobgd import config
from nobgd.fs import shared_memory
from nobgd.inference import builder
from nobgd.pool import choice, engine, memory
from nobgd.pool.inference import Inference
from nobgd.values import wire

_RUNS = 2  # timed, after one that warms up
_SIDES = (3000, 4000)  # of a picture of 12 megapixels
_BESIDES = {"plain": 3.5, "fine": 6.0}  # a lane's own work there, in times of its shrinking


def measure(settings: config.Config) -> dict[str, Any]:
    """``seconds`` of an inference, ``at_a_time``, ``per_minute`` photos; or ``why`` not."""
    size, made = engine.sizes(settings), engine.build(settings)
    inference = made.lanes.inference
    if builder.lacking(inference.setup):
        return {"why": "the model is made ready at the first start; ask again after it"}
    need = memory.needed_mb(1, size.infer, choice.engines_of(settings)[:1])
    if need > memory.available_mb():
        return {"why": f"it would take {need:.0f} MB, which are not free"}
    inference.start()
    try:
        inference.await_ready()
        with ThreadPoolExecutor(size.infer) as pool:
            list(pool.map(lambda _: _infer(inference, 1), range(size.infer)))
            began = time.perf_counter()
            list(pool.map(lambda _: _infer(inference, _RUNS), range(size.infer)))
            seconds = (time.perf_counter() - began) / _RUNS
    finally:
        inference.close()
    edges = settings.inboxes[0].output.edges
    besides = _BESIDES.get(edges, _BESIDES["fine"]) * _shrinking()
    return {
        "seconds": seconds, "at_a_time": size.infer, "engine": made.engine,
        "model": settings.inboxes[0].model.name,
        "per_minute": 60 * size.infer / (seconds + besides),
    }  # fmt: skip


def _infer(inference: Inference, runs: int) -> None:
    place = shared_memory.create(wire.tensor_bytes(inference.setup.weights))
    try:
        for _ in range(runs):
            inference.run(0, place, lambda: True)
    finally:
        os.close(place)


def _shrinking() -> float:
    """Seconds; the second time, as the first touches the memory."""
    import numpy as np

    from nobgd.picture.lanczos import shrink

    picture = np.zeros((*_SIDES, 4), np.uint8)
    for _ in range(2):
        began = time.perf_counter()
        shrink(picture, 320)
    return time.perf_counter() - began


if __name__ == "__main__":
    try:
        said = measure(config.load(Path(sys.argv[1])))
    except Exception as error:  # noqa: BLE001 - said in a line of the doctor's
        said = {"why": f"{error}" or type(error).__name__}
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()
    os._exit(0)  # the model process ends with us
