"""What all tests share: who may run beside whom, when several processes run them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdist.scheduler import LoadScopeScheduling


class ByFile(LoadScopeScheduling):
    """One process for each file; one for all of tests/systemd, which boots one machine.

    The rows of the campaign stand in one file, and each by itself: together they take minutes.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        if path == "tests/faults/test_short_form.py":
            return nodeid
        return "systemd" if path.startswith("tests/systemd/") else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Whatever ``--dist`` says."""
    return ByFile(config, log)


@pytest.fixture(scope="session")
def subject() -> np.ndarray:
    """A red ball on a grey wall, RGBX."""
    y, x = np.mgrid[0:600, 0:800]
    ball = np.hypot(x - 400, y - 300) < 180
    shade = (1 - np.hypot(x - 340, y - 240) / 500).clip(0.2, 1)[..., None]
    pixels = np.where(ball[..., None], shade * (230, 40, 30), (150, 152, 155)).astype(np.uint8)
    return np.dstack([pixels, np.full((600, 800), 255, np.uint8)])
