"""A broker, workers and a home, all real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.broker import TESTS, Broker, Worker, lacking
from cluster.home import Home
from e2e.conftest import Daemon, daemon, photo, shared_cache
from nobgd.pool import model_process

__all__ = ["Daemon", "daemon", "photo", "shared_cache"]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """One that knows desk-1 and desk-2."""
    if (why := lacking()) is not None:
        pytest.skip(f"{why}: several machines cannot be tried")
    one = Broker(tmp_path / "broker", "desk-1", "desk-2").start()
    yield one
    one.kill()


@pytest.fixture
def worker(broker: Broker, shared_cache: Path) -> Iterator[Callable[..., Worker]]:
    """Make workers; what still runs at the end is killed."""
    made: list[Worker] = []

    def make(host: str = "desk-1", **keys: Any) -> Worker:
        made.append(Worker(broker, host, shared_cache, **keys))
        return made[-1]

    yield make
    for each in made:
        if each.process is not None:
            each.kill()


@pytest.fixture
def make_home(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Home]]:
    """Make homes whose own model sleeps 0.3 s."""
    (tmp_path / "sleep").write_text("0.3")
    monkeypatch.setattr(model_process, "PROCESS", "cluster.sleeper")
    monkeypatch.setenv("PYTHONPATH", TESTS)
    monkeypatch.setenv("SLEEP_FILE", str(tmp_path / "sleep"))
    made: list[Home] = []

    def make(**weights: Any) -> Home:
        made.append(Home(broker, tmp_path, **weights))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def home(make_home: Callable[..., Home]) -> Home:
    """One with u2netp's weights."""
    return make_home()
