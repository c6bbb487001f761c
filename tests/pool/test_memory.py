"""Megapixels in flight."""

from __future__ import annotations

import threading

from nobgd.pool import memory
from nobgd.pool.memory import Budget


def test_what_fits_is_let_in_and_what_does_not_waits() -> None:
    """The third photo waits until one of the others is done."""
    budget = Budget(30)
    budget.acquire(0, 12)
    budget.acquire(1, 12)
    entered = threading.Event()
    thread = threading.Thread(target=lambda: (budget.acquire(2, 12), entered.set()))
    thread.start()
    assert not entered.wait(0.05)
    budget.release(0)
    assert entered.wait(5)
    thread.join()


def test_a_photo_larger_than_the_budget_is_let_in_alone() -> None:
    """It waits for the others, then goes; it never waits for ever."""
    budget = Budget(30)
    budget.acquire(0, 200)
    budget.release(0)
    budget.release(0)
    budget.acquire(1, 30)


def test_the_automatic_limit_is_at_least_fifty() -> None:
    """Even where memory is short one photo of a real camera is let in."""
    assert memory.automatic(10_000) == 50.0
    assert memory.automatic(1) >= 50.0
    assert memory.available_mb() > 0
