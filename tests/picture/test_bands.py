"""Work spread over threads: all of it, once, in order, and no error is lost."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobgd.picture.bands import share, spread


@given(st.integers(0, 70), st.integers(1, 5))
def test_every_row_is_worked_on_once(count: int, threads: int) -> None:
    """Whatever the number of rows and threads."""
    seen: list[int] = []
    spread(seen.extend, range(0, count * 3, 3), threads)
    assert sorted(seen) == list(range(0, count * 3, 3))


@given(st.lists(st.integers(), max_size=40), st.integers(1, 5))
def test_results_come_in_the_order_of_the_items(items: list[int], threads: int) -> None:
    """However the threads took turns."""
    assert share(lambda item: item * 2, items, threads) == [item * 2 for item in items]


def test_the_calling_thread_works_too() -> None:
    """Two items that wait for each other need two threads, the caller among them."""
    both = threading.Barrier(2, timeout=30)

    def work(_: int) -> int:
        both.wait()
        return threading.get_ident()

    assert threading.get_ident() in share(work, [1, 2], 2)


def test_an_error_in_any_thread_is_raised() -> None:
    """A photo must not be published with a band missing."""

    def work(item: int) -> int:
        if item == 7:
            raise MemoryError
        return item

    with pytest.raises(MemoryError):
        share(work, list(range(9)), 3)
