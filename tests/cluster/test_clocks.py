"""Machines whose clocks are a day apart: nothing that they say to one another compares clocks."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from cluster.broker import Worker, await_true
from cluster.home import Home, holds, hosts
from nobgd.values.machine import LOST

Hire = Callable[..., Worker]
HOUR_S = 3600.0


def within(shift: str) -> tuple[str, ...]:
    """Before a program whose time of day is to be another; durations stay what they are."""
    return ("env", "FAKETIME_DONT_FAKE_MONOTONIC=1", "faketime", "-f", shift)


def ahead_s(worker: Worker) -> float:
    """How far its log's time is ahead of ours."""
    line = json.loads(Path(worker.log).read_text().splitlines()[-1])
    return datetime.fromisoformat(line["timestamp"]).timestamp() - time.time()


@pytest.mark.skipif(shutil.which("faketime") is None, reason="there is no faketime on PATH")
def test_a_day_ahead_and_a_day_behind(home: Home, worker: Hire) -> None:
    """Certificates are believed, both are let in, leases last as long as anywhere."""
    one = worker("desk-1", sleep_s=0.2, within=within("+1d")).start()
    two = worker("desk-2", sleep_s=0.2, within=within("-1d")).start()
    home.has("desk-1")
    home.has("desk-2")
    assert 23 * HOUR_S < ahead_s(one) < 25 * HOUR_S
    assert -25 * HOUR_S < ahead_s(two) < -23 * HOUR_S
    seen: set[str] = set()

    def all_answered() -> bool:
        seen.update(hosts(home.ask(6)))
        return len(seen) == 3

    await_true(all_answered)
    assert not home.events("photo.moved")  # masks that take a tenth of a lease are nobody else's

    one.sleeps(1000)
    answers = home.ask(6)
    await_true(holds(one, home))
    one.kill()
    assert "desk-1" not in hosts(answers)
    home.has("desk-1", LOST)
    assert not home.events("machine.refused")
