"""Mutated pictures at decode level, in processes confined as lanes are."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAME, TITLE = "fuzz_decode", "mutated pictures, decode level"
FULL, SHORT = 200_000, 3_000
_PORTION = 4_000
_DEADLINE_S = 30.0  # for one picture of at most 16 megapixels


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Decode the pictures start … stop; yields (next number, violations, counts)."""
    while start < stop:
        end = min(stop, start + _PORTION)
        wrong, seen = _portion(root, seed, start, end)
        yield end, wrong, dict(seen)
        start = end


def _portion(root: Path, seed: int, start: int, end: int) -> tuple[list[str], Counter[str]]:
    """A portion on every core; a process that dies or hangs is followed by another."""
    cores = os.cpu_count() or 1
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    runs = [_Run(root, seed, start + core, end, cores) for core in range(cores)]
    while runs := [run for run in runs if not run.over(wrong, seen)]:
        time.sleep(0.02)
    return wrong, seen


class _Run:
    """One process after the other, over every `step`-th picture."""

    def __init__(self, root: Path, seed: int, first: int, end: int, step: int) -> None:
        self._seed, self._end, self._step = seed, end, step
        self._beat = root / f"beat-{first % step}"
        self._start(first)

    def _start(self, first: int) -> None:
        self._first = first
        self._beat.write_bytes(struct.pack("<qq", first, 0))
        count = len(range(first, self._end, self._step))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.decoding",
             *map(str, (self._seed, first, count, self._step, self._beat))],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
        self._at, self._since = first, time.monotonic()

    def over(self, wrong: list[str], seen: Counter[str]) -> bool:
        """Whether all is done; books crashes and hangs on the way."""
        (at,) = struct.unpack("<q", self._beat.read_bytes()[:8])
        if at != self._at:
            self._at, self._since = at, time.monotonic()
        hangs = time.monotonic() - self._since > _DEADLINE_S
        if self._process.poll() is None and not hangs:
            return False
        if hangs:
            self._process.kill()
        said = self._process.communicate()[0]
        if not hangs and self._process.returncode == 0:
            report = json.loads(said)
            seen.update(report["seen"])
            wrong += report["wrong"]
            return True
        what = "hang" if hangs else f"process ended with {self._process.returncode}"
        wrong.append(f"{at}: {what}")
        seen["crash or hang"] += 1
        seen["not counted before it"] += len(range(self._first, at, self._step))
        if at + self._step >= self._end:
            return True
        self._start(at + self._step)
        return False
