"""One photo at a time in a process of its own, by nobgd's stages or by rembg: `python -m`.

The process warms up with one photo, then times each run from the file's bytes in to the
file's bytes out and prints {"times_s": […], "peak_mb": …}.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def nobgd_runner(out: Path, threads: int):
    """Nobgd's worker as a lane runs it, with a folder for its output."""
    from nobgd import models
    from nobgd.picture.segment import Segmenter
    from nobgd.pool import worker
    from nobgd.values import Done, Job, Recipe

    found = models.find("u2net", "fp32", None)
    cache = out.parent / "cache"
    cache.mkdir(exist_ok=True)
    segmenter = Segmenter(str(found.path), found.spec, threads=threads, cache_dir=str(cache))
    recipe = Recipe("u2net", found.sha256, "fp32")

    def run(photo: Path) -> None:
        seen = photo.stat()
        name = f"{photo.stem}_nobg.png"
        (out / name).unlink(missing_ok=True)
        job = Job(
            str(photo.parent), photo.name, seen.st_size, seen.st_mtime_ns, str(out), (name,),
            frozenset(), frozenset(), "bench", recipe, quiet_s=99.0,
        )  # fmt: skip
        outcome = worker.process(job, segmenter, lambda _: threads, lambda _: None)
        assert isinstance(outcome, Done), outcome

    return run


def rembg_runner(out: Path, threads: int):
    """Rembg as its documentation shows it: bytes in, bytes out, one session."""
    os.environ["OMP_NUM_THREADS"] = str(threads)  # how rembg sets its threads
    from rembg import new_session, remove

    session = new_session("u2net", providers=["CPUExecutionProvider"])

    def run(photo: Path) -> None:
        (out / f"{photo.stem}.png").write_bytes(remove(photo.read_bytes(), session=session))

    return run


def main(who: str, out: str, runs: int, photos: list[str]) -> None:
    """Time ``runs`` rounds over ``photos``."""
    threads = len(os.sched_getaffinity(0))
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    run = (nobgd_runner if who == "nobgd" else rembg_runner)(folder, threads)
    run(Path(photos[0]))
    times = []
    for _ in range(runs):
        for photo in photos:
            start = time.perf_counter()
            run(Path(photo))
            times.append(time.perf_counter() - start)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"times_s": times, "peak_mb": peak}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
