"""Memory of everything at work and at rest: PSS of the daemon and all its processes.

A running daemon with the default settings, 12-megapixel photos in its inbox; then, when nothing was
asked for `idle_s`, the same at rest, and what of a core it takes.  Beside it rembg's library in one
process, one photo after the other.  More inferences at a time than there are cores tell what a
larger machine would need.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import folder
from benchmarks.part import Bench, Verdict, at_most
from benchmarks.processes import cpu_s, memory_mb
from benchmarks.table import Contender

_OF_REMBG, _EIGHT_MB, _REST_MB, _REST_CPU = 0.85, 2200.0, 120.0, 0.1  # bars
_IDLE_S = 5
_REST_S = 30.0
_LONGEST_S = 900.0


def measure(bench: Bench) -> dict[str, Any]:
    """A row for each number of inferences at a time; the default first."""
    count, size = (2, (800, 600)) if bench.short else (12, folder.SIZE)
    inbox = folder.fill(bench, "memory", count, size)
    rows = []
    for at_a_time in ("auto",) if bench.short else ("auto", 1, 2, 4, 8):
        rows.append({"infer": at_a_time, **_daemon(bench, inbox, at_a_time)})
        bench.say(f"{at_a_time} at a time: {rows[-1]['work_mb']:.0f} MB at work")
    return {
        "photos": count, "size": size, "cores": len(os.sched_getaffinity(0)), "rows": rows,
        "rembg_mb": _rembg(bench, inbox),
    }  # fmt: skip


def _daemon(bench: Bench, inbox: Path, at_a_time: Any) -> dict[str, float]:
    home = bench.work / "memory-daemon"
    shutil.rmtree(home, ignore_errors=True)
    (home / "out").mkdir(parents=True)
    (home / "in").mkdir()
    count = at_a_time if at_a_time == "auto" else at_a_time + 1
    settings = {
        "state_dir": str(home / "state"), "cache_dir": str(bench.work / "cache"),
        "model": {"name": "u2net", "directory": str(bench.weights)},
        "workers": {"infer": at_a_time, "count": count, "idle_s": _IDLE_S},
        "inboxes": [{"path": str(home / "in"), "outbox": str(home / "out")}],
    }  # fmt: skip
    (home / "nobgd.yaml").write_text(json.dumps(settings))
    words = [sys.executable, "-m", "nobgd", "run", "-c", str(home / "nobgd.yaml")]
    daemon = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        peak = Peak(daemon.pid)
        for path in inbox.iterdir():
            shutil.copy(path, home / "in")
        wanted = len(list(inbox.iterdir()))
        _await(lambda: len(list((home / "out").glob("*.png"))) == wanted)
        work_mb = peak.end()
        _await(lambda: memory_mb(daemon.pid)[0] < work_mb / 3)  # lanes and models are let go
        time.sleep(1.0 if bench.short else 5.0)
        before, since = cpu_s(daemon.pid), time.monotonic()
        time.sleep(1.0 if bench.short else _REST_S)
        used = (cpu_s(daemon.pid) - before) / (time.monotonic() - since)
        return {
            "work_mb": work_mb, "rest_mb": memory_mb(daemon.pid)[0], "rest_cpu_percent": 100 * used,
        }  # fmt: skip
    finally:
        daemon.terminate()
        daemon.wait()


def _rembg(bench: Bench, inbox: Path) -> float:
    contender = Contender("rembg", bench)
    contender.wait()
    peak = Peak(contender.pid)
    for path in sorted(inbox.iterdir()):
        contender.run(path)
    contender.close()
    return peak.end()


class Peak:
    """The largest PSS of a process and all below it, looked at ten times a second."""

    def __init__(self, pid: int) -> None:
        self._pid, self._most, self._ended = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            self._most = max(self._most, memory_mb(self._pid)[0])

    def end(self) -> float:
        """MB of 10^6 bytes."""
        self._ended.set()
        self._thread.join()
        return self._most


def _await(what: Callable[[], bool]) -> None:
    until = time.monotonic() + _LONGEST_S
    while not what():
        if time.monotonic() > until:
            sys.exit("memory: the daemon did not come to its end; is its outbox full?")
        time.sleep(0.2)


def section(result: dict[str, Any]) -> list[str]:
    """A table."""
    width, height = result["size"]
    lines = [
        "## Memory", "",
        f"PSS of a daemon and its processes, {result['photos']} photos of {width}×{height}, fp32,"
        f" {result['cores']} cores; at rest: {_IDLE_S} s after the last photo (`workers.idle_s`)."
        f" rembg's library, one photo at a time: {result['rembg_mb']:.0f} MB.", "",
        "| inferences at a time | MB at work | of rembg's | MB at rest | % of a core at rest |",
        "|---|---|---|---|---|",
    ]  # fmt: skip
    return lines + [
        f"| {row['infer']} | {row['work_mb']:.0f} | {row['work_mb'] / result['rembg_mb']:.2f} |"
        f" {row['rest_mb']:.0f} | {row['rest_cpu_percent']:.2f} |"
        for row in result["rows"]
    ]


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bars."""
    rows = {row["infer"]: row for row in result["rows"]}
    default = rows["auto"]
    ratio = default["work_mb"] / result["rembg_mb"]
    found = [
        Verdict(
            "memory of everything at work, of rembg's one process", f"≤ {_OF_REMBG}",
            f"{ratio:.2f}", ratio <= _OF_REMBG,
        ),
        at_most("memory at rest", default["rest_mb"], _REST_MB, "MB"),
        at_most("processor at rest", default["rest_cpu_percent"], _REST_CPU, "% of a core"),
    ]  # fmt: skip
    if 8 in rows:
        found.append(at_most("memory, 8 inferences at a time", rows[8]["work_mb"], _EIGHT_MB, "MB"))
    return found
