"""Several stretches of one row at a time: ``python -m faults.beside ROW PROCESSES``.

For rows that mostly wait, and know their number.  Each process has a house of its own and a
stretch of the row's numbers; stretches are booked in their order, so that an interruption loses
those behind the first gap.
"""

from __future__ import annotations

import importlib
import multiprocessing
import shutil
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from faults import solo

_STRETCH = 40  # iterations for which a house stands, where the row does not say another


def stretches(done: int, wanted: int, size: int = _STRETCH) -> list[tuple[int, int]]:
    """First and behind the last of each."""
    return [(first, min(first + size, wanted)) for first in range(done, wanted, size)]


def stretch(name: str, seed: int, first: int, stop: int) -> tuple[int, list[str], dict[str, int]]:
    """One stretch: where it ended, violations and counts."""
    row = importlib.import_module(f"faults.rows.{name}")
    root = solo.scratch(name)
    found: tuple[int, list[str], Counter[str]] = (first, [], Counter())
    try:
        for done, wrong, counts in row.rounds(root, seed, first, stop):
            found = (done, found[1] + wrong, found[2] + Counter(counts))
        if found[0] != stop:
            raise IndexError(f"{name} ended at {found[0]}, not {stop}: run it by faults.solo")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return found


def run(name: str, processes: int) -> dict[str, Any]:
    """Bring a row to its full number; ``seconds`` is what all of it took, not each process."""
    row = importlib.import_module(f"faults.rows.{name}")
    result = solo.load(name)
    wanted = int(row.FULL)
    began = time.monotonic()
    with ProcessPoolExecutor(
        processes, multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        asked = [
            pool.submit(stretch, name, result["seed"], first, stop)
            for first, stop in stretches(result["done"], wanted, getattr(row, "STRETCH", _STRETCH))
        ]
        for each in asked:
            try:
                found = each.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)  # it is said now, not an hour later
                raise
            now = time.monotonic()
            solo.add(result, *found, wanted=wanted, seconds=now - began)
            began = now
    return result


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]))
