"""A folder of 12-megapixel photos through `nobgd once` and `rembg p`, in turns."""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks import photos

SIZE = (4000, 3000)


def _tree_mb(pid: int) -> float:
    """Proportional set size of a process and all below it, MB of 10^6 bytes."""
    total, queue = 0.0, [pid]
    while queue:
        each = queue.pop()
        try:
            queue += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in rollup.splitlines() if line[:4] == "Pss:")
    return total * 1024 / 1e6


def run(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Wall and CPU seconds, and the peak memory of all processes together."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    peak = 0.0

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            peak = max(peak, _tree_mb(process.pid))
            time.sleep(0.2)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    _, errors = process.communicate()
    wall = time.perf_counter() - start
    watcher.join()
    if process.returncode:
        sys.exit(f"{command[0]} ended with {process.returncode}: {errors.decode()[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": wall, "cpu_s": cpu, "peak_mb": peak}


def measure(work: Path, models: Path, own: Path | None, count: int, rounds: int) -> dict[str, Any]:
    """Medians over ``rounds`` of each program; whole commands, start-up included."""
    inbox = work / "photos"
    inbox.mkdir()
    sources = photos.sources(own)
    for number in range(count):
        photos.make(sources[number % len(sources)], SIZE, inbox / f"{number:02}.jpg", number)
    environment = {
        **os.environ,
        "U2NET_HOME": str(models),
        "NUMBA_CACHE_DIR": str(work / "numba"),
    }
    results: dict[str, list[dict[str, float]]] = {"nobgd": [], "rembg": []}
    config = work / "nobgd.yaml"
    for turn in range(rounds + 1):  # the first round only warms the caches
        for who in ("nobgd", "rembg"):
            for name in ("out", "state"):
                shutil.rmtree(work / name, ignore_errors=True)
            (work / "out").mkdir()
            boxes = [{"path": str(inbox), "outbox": str(work / "out"), "watch": {"settle_s": 0}}]
            folders = {"state_dir": str(work / "state"), "cache_dir": str(work / "cache")}
            config.write_text(json.dumps({**folders, "inboxes": boxes}))
            command = {
                "nobgd": [sys.executable, "-m", "nobgd", "once", "-c", str(config)],
                "rembg": [sys.executable, "-m", "rembg.cli", "p", str(inbox), str(work / "out")],
            }[who]
            result = run(command, environment)
            made = len(list((work / "out").glob("*.png")))
            assert made == count, f"{who} made {made} of {count}"
            if turn:
                results[who].append(result)
                print(f"{who}: {count * 60 / result['wall_s']:.1f} photos/min", flush=True)
    row: dict[str, Any] = {"photos": count, "rounds": rounds}
    for who, runs in results.items():
        row[who] = {key: statistics.median(each[key] for each in runs) for key in runs[0]}
        row[who]["photos_per_minute"] = count * 60 / row[who]["wall_s"]
    row["ratio"] = row["rembg"]["wall_s"] / row["nobgd"]["wall_s"]
    return row
