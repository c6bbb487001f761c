"""Rows of a picture side by side: numpy and BLAS let go of the GIL, so threads help.

The calling thread works too: it is awake already, and where the others are late it does more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_PIECES = 4  # for each thread: fewer wait for the last one, more cost too many calls

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(work: Callable[[range], None], tops: range, threads: int) -> None:
    """Call ``work`` on ``tops``, or on neighbouring pieces of it by ``threads`` at once."""
    if threads < 2 or len(tops) < 2 * threads:
        work(tops)
        return
    piece = -(-len(tops) // (_PIECES * threads))
    share(work, [tops[at : at + piece] for at in range(0, len(tops), piece)], threads)


def share(work: Callable[[Item], Result], items: Sequence[Item], threads: int) -> list[Result]:
    """The result of ``work`` on each of ``items``, in order, by ``threads`` at once."""
    results: dict[int, Result] = {}
    left = iter(range(len(items)))  # next() on it is one step under the GIL

    def take() -> None:
        for at in left:
            results[at] = work(items[at])

    with ThreadPoolExecutor(max(1, threads - 1)) as pool:
        others = [pool.submit(take) for _ in range(threads - 1)]
        take()
        for each in others:
            each.result()
    return [results[at] for at in range(len(items))]
