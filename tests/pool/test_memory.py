"""Megapixels in flight."""

from __future__ import annotations

import os
import threading

import pytest

from nobgd.pool import cgroup, memory
from nobgd.pool.memory import Budget


def test_what_fits_is_let_in_and_what_does_not_waits() -> None:
    """The third photo waits until one of the others is done."""
    budget = Budget(30)
    budget.acquire(0, 12)
    budget.acquire(1, 12)
    entered = threading.Event()

    def third() -> None:
        budget.acquire(2, 12)
        entered.set()

    thread = threading.Thread(target=third)
    thread.start()
    assert not entered.wait(0.05)
    budget.release(0)
    assert entered.wait(60)
    thread.join()


def test_a_photo_larger_than_the_budget_is_let_in_alone() -> None:
    """It waits for the others, then goes; it never waits for ever."""
    budget = Budget(30)
    budget.acquire(0, 200)
    budget.release(0)
    budget.release(0)
    budget.acquire(1, 30)


def test_a_lane_that_asks_again_does_not_wait_for_itself() -> None:
    """What it held is given back first."""
    budget = Budget(10)
    budget.acquire(0, 8)
    budget.acquire(0, 9)
    budget.acquire(1, 1)


def test_the_automatic_limit_is_at_least_one_ordinary_photo() -> None:
    """Where memory is short a larger one is let in alone."""
    assert memory.automatic(1e9) == 12.0
    assert memory.available_mb() > 0


@pytest.mark.parametrize(
    ("room_mb", "fits", "asked"),
    [
        (300, (1, 1), (1, 1)),
        (700, (1, 1), (3, 1)),
        (1000, (4, 1), (6, 2)),
        (1250, (4, 2), (7, 3)),
        (1500, (4, 3), (9, 4)),
        (3000, (11, 7), (12, 8)),
        (64_000, (12, 8), (12, 8)),
    ],
)
def test_lanes_and_inferences_follow_memory(
    monkeypatch: pytest.MonkeyPatch, room_mb: int, fits: tuple[int, int], asked: tuple[int, int]
) -> None:
    """Never fewer than one; who asks for a number gets all but what surely does not fit."""
    monkeypatch.setattr(cgroup, "memory_mb", lambda: (None, float(room_mb)))
    monkeypatch.setattr(memory, "_MEMINFO", "/dev/null")
    monkeypatch.setattr(memory, "_UNKNOWN_MB", 1e9)
    assert (memory.fitting(12, 8), memory.fitting(12, 8, asked=True)) == (fits, asked)


def test_an_engine_and_further_models_take_their_memory() -> None:
    """What is admitted by is the sum of its parts."""
    one = memory.needed_mb(2, 2)
    usual = ("onnxruntime", "fp32")
    assert memory.needed_mb(2, 2, (usual, usual)) - one == memory.COSTS[usual].model_mb
    assert memory.needed_mb(2, 2, (("ncnn", "fp32"),)) > one
    assert memory.needed_mb(3, 2, matting=True) - one > memory.LANE_MB + 3 * memory.MATTING_MB - 1


@pytest.mark.parametrize(
    ("quota", "cores"), [(None, 8), (0.3, 1), (1.2, 1), (1.5, 2), (2.0, 2), (2.1, 2), (99.0, 8)]
)
def test_cores_follow_the_quota(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, cores: int
) -> None:
    """Half a core is one more, a quarter is none."""
    monkeypatch.setattr(cgroup, "cpus", lambda: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert memory.cores() == cores


def test_what_processes_hold_is_counted() -> None:
    """The own one holds something; one that is gone holds nothing."""
    assert memory.held_mb([os.getpid()]) > 1.0
    assert memory.held_mb([-1]) == 0.0
