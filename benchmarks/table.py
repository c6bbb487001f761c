"""The published table: seven resolutions, JPEG in, PNG with alpha out, beside rembg.

nobgd and rembg take turns, process by process, on the same photo; each process warms up
with one run that is not counted.  Medians with the spread of the runs.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import photos

# rembg 2.0.30 on a Xeon E5-2680 v4, as published: seconds per photo
ARTICLE_S = (0.82, 1.45, 1.87, 3.62, 6.15, 13.20, 22.40)


def once(who: str, work: Path, runs: int, photo: Path, models: Path) -> dict[str, Any]:
    """One process of ``who``: its times in seconds and its peak memory in MB."""
    environment = {**os.environ, "U2NET_HOME": str(models), "NUMBA_CACHE_DIR": str(work / "numba")}
    command = [sys.executable, "-m", "benchmarks.single", who, str(work / who), str(runs), photo]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def measure(work: Path, models: Path, folder: Path | None, runs: int) -> list[dict[str, Any]]:
    """A row for each resolution."""
    source = photos.sources(folder)[0]
    rows = []
    for number, size in enumerate(photos.RESOLUTIONS):
        photo = work / f"{size[0]}x{size[1]}.jpg"
        photos.make(source, size, photo, number)
        results: dict[str, dict[str, Any]] = {}
        for turn in range(2):  # A B, B A
            for who in ("nobgd", "rembg")[:: 1 if turn == 0 else -1]:
                part = once(who, work, (runs + 1) // 2, photo, models)
                into = results.setdefault(who, {"times_s": [], "peak_mb": 0.0})
                into["times_s"] += part["times_s"]
                into["peak_mb"] = max(into["peak_mb"], part["peak_mb"])
        row: dict[str, Any] = {"width": size[0], "height": size[1], "article_s": ARTICLE_S[number]}
        megapixels = size[0] * size[1] / 1e6
        for who, result in results.items():
            times = result["times_s"]
            row[who] = {
                "runs": len(times),
                "mean_s": statistics.mean(times),
                "median_s": statistics.median(times),
                "min_s": min(times),
                "max_s": max(times),
                "ms_per_megapixel": statistics.median(times) * 1000 / megapixels,
                "peak_mb": result["peak_mb"],
            }
        row["ratio"] = row["rembg"]["median_s"] / row["nobgd"]["median_s"]
        rows.append(row)
        ours, theirs = (row[who]["median_s"] for who in ("nobgd", "rembg"))
        print(f"{size[0]}×{size[1]}: {ours:.2f} s, rembg {theirs:.2f} s", flush=True)
    return rows
