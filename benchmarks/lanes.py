"""Lanes 1 … N on a folder of 2-megapixel photos: throughput, memory, share inside inference."""

from __future__ import annotations

import os
import shutil
import statistics
from typing import Any

from benchmarks import folder
from benchmarks.part import Bench, Verdict

_SIZE = (1920, 1080)
_SHARE_BAR = 0.9


def measure(bench: Bench) -> list[dict[str, Any]]:
    """A row for each number of lanes, one thread each; medians of rounds in turns."""
    count, size = (4, (640, 480)) if bench.short else (24, _SIZE)
    inbox = folder.fill(bench, "lanes", count, size)
    cores = len(os.sched_getaffinity(0))
    wanted = (1, 2) if bench.short else (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
    numbers = [n for n in wanted if n <= cores + 1]
    runs: dict[int, list[dict[str, Any]]] = {number: [] for number in numbers}
    for _ in range(1 if bench.short else bench.rounds):
        for number, results in runs.items():
            out = bench.work / "out"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            results.append(
                folder.once(bench, inbox, out, "fp32", folder.PLAIN, count=number, threads=1)
            )
            bench.say(f"{number} lanes: {count * 60 / results[-1]['wall_s']:.1f} photos/min")
    rows = []
    for number, results in runs.items():
        wall = statistics.median(each["wall_s"] for each in results)
        rows.append(
            {
                "lanes": number, "cores": cores, "photos": count, "size": size,
                **folder.PLAIN, "photos_per_minute": count * 60 / wall,
                "all_mb": statistics.median(each["all_mb"] for each in results),
                "inside": statistics.median(
                    each["infer_ms"] / each["total_ms"] for each in results
                ),
                "inside_of_wall": statistics.median(
                    each["infer_ms"] / 1000 / number / each["work_s"] for each in results
                ),
            }
        )  # fmt: skip
    return rows


def section(rows: list[dict[str, Any]]) -> list[str]:
    """The table of lanes."""
    width, height = rows[0]["size"]
    edges = rows[0].get("edges", "fine")
    lines = [
        "## Lanes", "",
        f"`nobgd once`, {rows[0]['photos']} photos of {width}×{height}, fp32, one thread a lane,"
        f" {rows[0]['cores']} cores, {edges} edges. Inside inference: of the lanes' wall time"
        " from the first photo's start to the last one's end, and of the photos' own time.", "",
        "| lanes | photos/min | MB, all | inside inference, of wall | of the photos' time |",
        "|---|---|---|---|---|",
    ]  # fmt: skip
    return lines + [
        f"| {row['lanes']} | {row['photos_per_minute']:.1f} | {row['all_mb']:.0f} |"
        f" {row['inside_of_wall']:.2f} | {row['inside']:.2f} |"
        for row in rows
    ]


def verdicts(rows: list[dict[str, Any]]) -> list[Verdict]:
    """The bar on the lanes' time, as many lanes as cores."""
    row = next(each for each in rows if each["lanes"] == min(each["cores"], rows[-1]["lanes"]))
    share = row["inside_of_wall"]
    return [
        Verdict(
            "lanes' wall time inside inference, 2 MP, fp32", f"≥ {_SHARE_BAR}", f"{share:.2f}",
            share >= _SHARE_BAR,
        )
    ]  # fmt: skip
