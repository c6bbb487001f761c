"""What all tests share: who may run beside whom, when several processes run them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdist.scheduler import LoadScopeScheduling


# What takes longest begins first, so that no process has it left when the others are done
_LONG = (
    "systemd",
    "tests/e2e/test_dropping.py",
    "tests/quantize/",
    "tests/test_benchmarks.py",
    "tests/faults/test_short_form.py",
    "tests/report/test_report.py",
    "tests/parity/",
    "tests/faults/",
    "tests/e2e/",
    "tests/web/",
    "tests/inference/",
    "tests/pool/",
    "tests/cli/",
    "tests/lane/",
)
_APART = ("tests/faults/", "tests/e2e/test_trouble.py", "tests/e2e/test_dropping.py")


class ByFile(LoadScopeScheduling):
    """One process for each file; one for all of tests/systemd, which boots one machine.

    Tests that begin with a daemon of their own stand each by itself: together they take minutes.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid)


def _scope(nodeid: str) -> str:
    path = nodeid.partition("::")[0]
    if path.startswith(_APART):
        return nodeid
    return "systemd" if path.startswith("tests/systemd/") else path


def _rank(item: pytest.Item) -> int:
    scope = _scope(item.nodeid)
    return next((n for n, long in enumerate(_LONG) if scope.startswith(long)), len(_LONG))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the order of `_LONG`."""
    items.sort(key=_rank)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Whatever ``--dist`` says, and in our order."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.fixture(scope="session")
def subject() -> np.ndarray:
    """A red ball on a grey wall, RGBX."""
    y, x = np.mgrid[0:600, 0:800]
    ball = np.hypot(x - 400, y - 300) < 180
    shade = (1 - np.hypot(x - 340, y - 240) / 500).clip(0.2, 1)[..., None]
    pixels = np.where(ball[..., None], shade * (230, 40, 30), (150, 152, 155)).astype(np.uint8)
    return np.dstack([pixels, np.full((600, 800), 255, np.uint8)])
