"""`nobgd report` on a log of a million records: seconds of one core, memory, size of the page."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from typing import Any

from benchmarks import sample
from benchmarks.part import Bench, Verdict, at_most

_BARS = {"cpu_s": (60, "s"), "peak_mb": (200, "MB"), "page_mb": (3, "MB")}


def measure(bench: Bench) -> dict[str, Any]:
    """One run in the terminal's form, one to a page."""
    count = 10_000 if bench.short else 1_000_000
    log = bench.work / "million.log"
    with log.open("w") as stream:
        stream.writelines(sample.lines(count))
    page = bench.work / "million.html"
    result: dict[str, Any] = {"records": count, "log_mb": log.stat().st_size / 1e6}
    result.update(_run([str(log)]))
    result["html_s"] = _run([str(log), "--html", str(page)])["cpu_s"]
    result["page_mb"] = page.stat().st_size / 1e6
    log.unlink()
    bench.say(f"{count:,} records: {result['cpu_s']:.1f} s, {result['peak_mb']:.0f} MB")
    return result


def _run(words: list[str]) -> dict[str, float]:
    """CPU and wall seconds and peak memory of one report, by way of a shell that waits for it."""
    code = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    command = [sys.executable, "-c", code, sys.executable, "-m", "nobgd", "report", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall_s": time.perf_counter() - began,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_mb": int(done.stdout) * 1024 / 1e6,
    }


def section(result: dict[str, Any]) -> list[str]:
    """One sentence."""
    return [
        "## The report on a large log", "",
        f"`nobgd report` on {result['records']:,} records ({result['log_mb']:.0f} MB):"
        f" {result['cpu_s']:.1f} s of CPU, {result['peak_mb']:.0f} MB; to a page"
        f" {result['html_s']:.1f} s, the page has {result['page_mb']:.2f} MB.",
    ]  # fmt: skip


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """Time, memory, size."""
    names = {"cpu_s": "time on one core", "peak_mb": "memory", "page_mb": "size of the page"}
    return [
        at_most(f"report, {result['records']:,} records, {names[key]}", result[key], *bar)
        for key, bar in _BARS.items()
    ]
