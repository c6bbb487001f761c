"""Rows of a picture side by side: numpy and BLAS let go of the GIL, so threads help."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def spread(work: Callable[[range], None], tops: range, threads: int) -> None:
    """Call ``work`` on ``tops``, or on ``threads`` neighbouring parts of it at once."""
    if threads < 2 or len(tops) < 2 * threads:
        work(tops)
        return
    part = -(-len(tops) // threads)
    parts = [tops[begin : begin + part] for begin in range(0, len(tops), part)]
    with ThreadPoolExecutor(len(parts)) as pool:
        for done in [pool.submit(work, each) for each in parts]:
            done.result()
