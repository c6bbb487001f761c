"""A folder on a slow share beside the same folder on a local disk, in turns.

The share is a FUSE file system of the tests (`faults.slow`) that takes 5 ms for a call and 110 MB/s
for bytes, as a NAS on a gigabit line does; inbox and outbox lie on it.  More lanes than cores wait
for it while the cores infer.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from pathlib import Path
from typing import Any

from benchmarks import folder
from benchmarks.part import Bench, Verdict

_CALL_MS, _MB_PER_S = 5.0, 110.0
_BAR = 0.95
_TESTS = Path(__file__).parent.parent / "tests"


def measure(bench: Bench) -> dict[str, Any] | None:
    """Medians of `nobgd once` on either; the first round only warms the caches."""
    if not Path("/dev/fuse").exists() or shutil.which("fusermount3") is None:
        bench.say("no FUSE here: the slow share is left out")
        return None
    count, size = (2, (800, 600)) if bench.short else (24, folder.SIZE)
    inbox = folder.fill(bench, "share", count, size)
    walls: dict[str, list[float]] = {"local": [], "share": []}
    for turn in range(bench.rounds + (0 if bench.short else 1)):
        for where, runs in walls.items():
            if turn or bench.short:
                runs.append(_once(bench, inbox, where))
                bench.say(f"{where}: {count * 60 / runs[-1]:.1f} photos/min")
            else:
                _once(bench, inbox, where)
    medians = {where: statistics.median(runs) for where, runs in walls.items()}
    return {
        "photos": count, "size": size, "call_ms": _CALL_MS, "mb_per_s": _MB_PER_S,
        "per_minute": {where: count * 60 / wall for where, wall in medians.items()},
        "ratio": medians["local"] / medians["share"],
    }  # fmt: skip


def _once(bench: Bench, inbox: Path, where: str) -> float:
    home = bench.work / "share-home"
    shutil.rmtree(home, ignore_errors=True)
    (home / "below/out").mkdir(parents=True)
    shutil.copytree(inbox, home / "below/in")
    with _slow(home) if where == "share" else _plain(home) as place:
        wall: float = folder.once(bench, place / "in", place / "out", "fp32")["wall_s"]
    made, wanted = len(list((home / "below/out").glob("*.png"))), len(list(inbox.iterdir()))
    if made != wanted:
        sys.exit(f"share: {made} of {wanted} were made")
    return wall


@contextmanager
def _plain(home: Path) -> Iterator[Path]:
    yield home / "below"


@contextmanager
def _slow(home: Path) -> Iterator[Path]:
    point = home / "point"
    point.mkdir()
    words = [sys.executable, "-m", "faults.slow", str(home / "below"), str(point)]
    environment = {**os.environ, "PYTHONPATH": str(_TESTS)}
    if found := find_library("fuse3"):  # a megabyte a call, as NFS and SMB; libfuse 2 takes 128 kB
        environment["FUSE_LIBRARY_PATH"] = found
    server = subprocess.Popen([*words, str(_CALL_MS), str(_MB_PER_S)], env=environment)
    try:
        while not os.path.ismount(point):
            if server.poll() is not None:
                sys.exit("share: the FUSE file system did not start; see above")
            time.sleep(0.05)
        yield point
    finally:
        subprocess.run(["fusermount3", "-u", "-z", str(point)], check=False)
        server.wait(30)


def section(result: dict[str, Any]) -> list[str]:
    """Two figures and their ratio."""
    width, height = result["size"]
    local, share = (result["per_minute"][each] for each in ("local", "share"))
    return [
        "## A slow share", "",
        f"{result['photos']} photos of {width}×{height}, fp32, by `once`; both folders on FUSE"
        f" with {result['call_ms']:g} ms a call and {result['mb_per_s']:g} MB/s:"
        f" {share:.1f} photos a minute, on a local disk {local:.1f}, in turns.",
    ]  # fmt: skip


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bar."""
    ratio = result["ratio"]
    return [
        Verdict("a slow share, of a local disk", f"≥ {_BAR}", f"{ratio:.2f}", ratio >= _BAR)
    ]  # fmt: skip
