"""One contender in a process of its own: a photo's path a line in, its figures a line out.

`python -m benchmarks.contender WHO FOLDER`, WHO one of `part.VARIANTS`, rembg or rembg-dc.  A run
is timed from the photo's bytes on disk to the PNG's bytes on disk, the model being loaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

Run = Callable[[Path], dict[str, float]]


def nobgd(out: Path, who: str) -> Run:
    """The worker as a lane runs it for a photo that comes alone: all cores."""
    from benchmarks.part import VARIANTS
    from nobgd import models
    from nobgd.inference import local
    from nobgd.lane import worker
    from nobgd.values import Done, Job, Recipe, wire

    threads = len(os.sched_getaffinity(0))
    precision, engine = VARIANTS[who]
    found = models.find("u2net", precision, None)
    spec = found.spec
    weights = wire.Weights(
        str(found.path), found.sha256, spec.name, precision, spec.input_size, spec.mean, spec.std
    )
    segmenter = local.segmenter(weights.path, weights, threads, str(out.parent / "cache"), engine)
    recipe = Recipe("u2net", found.sha256, precision, edges="plain")  # what rembg makes

    def run(photo: Path) -> dict[str, float]:
        seen = photo.stat()
        name = f"{photo.stem}_nobg.png"
        (out / name).unlink(missing_ok=True)
        job = Job(
            str(photo.parent), photo.name, seen.st_size, seen.st_mtime_ns, str(out), (name,),
            frozenset(), frozenset(), "bench", recipe, quiet_s=99.0,
        )  # fmt: skip
        outcome = worker.process(job, segmenter, lambda _: threads, lambda _: None)
        assert isinstance(outcome, Done), outcome
        return asdict(outcome.timing)

    return run


def rembg(out: Path, *, decontaminate: bool) -> Run:
    """Rembg as its documentation shows it: bytes in, bytes out, one session."""
    from rembg import new_session, remove

    session = new_session("u2net", providers=["CPUExecutionProvider"])

    def run(photo: Path) -> dict[str, float]:
        result = remove(photo.read_bytes(), session=session, decontaminate=decontaminate)
        assert isinstance(result, bytes)
        (out / f"{photo.stem}.png").write_bytes(result)
        return {}

    return run


def timed(run: Run, photo: Path) -> dict[str, Any]:
    """Seconds, stages and peak memory (VmHWM, started anew; proc(5)) of one run."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    start = time.perf_counter()
    stages = run(photo)
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line[:5] == "VmHWM")
    return {"s": seconds, "stages": stages, "peak_mb": peak * 1024 / 1e6}


def main(who: str, folder: str) -> None:
    """Answer until there are no more photos."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    theirs = who.startswith("rembg")
    run = rembg(out, decontaminate=who == "rembg-dc") if theirs else nobgd(out, who)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(timed(run, Path(line.rstrip("\n")))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
