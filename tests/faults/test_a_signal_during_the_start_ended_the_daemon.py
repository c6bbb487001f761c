"""A reload that was asked for before the daemon was ready ended it.

Its handlers were set when all lanes stood, which takes a minute at the first start; until then
SIGHUP did what it does to a program that knows none, and SIGTERM ended it in the middle.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from faults.house import House, until


def spawned(tmp_path: Path) -> House:
    """A daemon that has its state folder and nothing more."""
    house = House(tmp_path, tmp_path.parent / "cache", workers={"count": 2})
    house.spawn()
    until(lambda: house.dead() or (house.state / "lock").exists(), 60, "it has begun")
    assert house.process is not None
    return house


def test_a_reload_is_kept_until_it_can_be_obeyed(tmp_path: Path) -> None:
    """It becomes ready, and reads its configuration again."""
    house = spawned(tmp_path)
    try:
        assert house.process is not None
        house.process.send_signal(signal.SIGHUP)
        until(lambda: house.dead() or house.listen().events["service.reloaded"], 120, "a reload")
        assert house.process.poll() is None
        assert house.events["service.ready"] == 1
    finally:
        house.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_the_start(tmp_path: Path, number: signal.Signals) -> None:
    """At once, with exit code 0, and no lane is left."""
    house = spawned(tmp_path)
    try:
        assert house.process is not None
        house.process.send_signal(number)
        assert house.process.wait(60) == 0
        assert "Traceback" not in house.errors.read_text()
    finally:
        house.kill()
