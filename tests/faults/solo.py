"""Runs one row on its own: ``python -m faults.solo ROW [COUNT]``; goes on where it stopped.

``python -m faults.solo ROW COUNT FIRST`` repeats COUNT iterations from FIRST, and books nothing:
every iteration follows from the seed and its number.  The result is in
``tests/faults/results/ROW.json`` after every portion; scratch goes below $NOBGD_FAULTS_SCRATCH,
else the system's temporary folder.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

SEED = 4
_RESULTS = Path(__file__).with_name("results")
_MOST_VIOLATIONS = 50


def load(name: str) -> dict[str, Any]:
    """What a row has come to so far."""
    path = _RESULTS / f"{name}.json"
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    return {
        "row": name, "seed": SEED, "done": 0, "violations": [], "violated": 0, "counts": {},
        "seconds": 0.0,
    }  # fmt: skip


def save(result: dict[str, Any]) -> None:
    """Write a row's result whole or not at all."""
    _RESULTS.mkdir(exist_ok=True)
    path = _RESULTS / f"{result['row']}.json"
    temp = path.with_suffix(".new")
    temp.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    os.replace(temp, path)


def add(
    result: dict[str, Any], done: int, wrong: list[str], counts: dict[str, int], *,
    wanted: int, seconds: float,
) -> None:  # fmt: skip
    """Book a portion: it went on to ``done``, and what came of it."""
    result["done"], result["wanted"] = done, wanted
    result["violated"] += len(wrong)
    result["violations"] = (result["violations"] + wrong)[:_MOST_VIOLATIONS]
    result["counts"] = dict(Counter(result["counts"]) + Counter(counts))
    result["seconds"] = round(result["seconds"] + seconds, 1)
    result["kernel"] = platform.release()
    result["date"] = time.strftime("%Y-%m-%d", time.gmtime())
    save(result)
    print(f"{result['row']}: {done} of {wanted}, {result['violated']} violations", flush=True)


def scratch(name: str) -> Path:
    """A new folder for one run of a row."""
    base = Path(os.environ.get("NOBGD_FAULTS_SCRATCH", tempfile.gettempdir())) / "nobgd-faults"
    base.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base))


def run(name: str, wanted: int | None = None) -> dict[str, Any]:
    """Bring a row to `wanted` iterations (its full number if None)."""
    row = importlib.import_module(f"faults.rows.{name}")
    wanted = wanted or int(row.FULL)
    result = load(name)
    why = row.missing() if hasattr(row, "missing") else None
    if why is not None:
        result["skipped"] = why
        save(result)
        return result
    root = scratch(name)
    try:
        began = time.monotonic()
        for done, wrong, counts in row.rounds(root, result["seed"], result["done"], wanted):
            now = time.monotonic()
            add(result, done, wrong, counts, wanted=wanted, seconds=now - began)
            began = now
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return result


def repeat(name: str, count: int, first: int) -> None:
    """Iterations that were made before, to see what went wrong in them."""
    row = importlib.import_module(f"faults.rows.{name}")
    root = scratch(name)
    try:
        for done, wrong, counts in row.rounds(root, SEED, first, first + count):
            print(done, counts, *wrong, sep="\n  ", flush=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__" and len(sys.argv) > 3:
    repeat(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
elif __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
