"""What all tests share: who may run beside whom, when several processes run them."""

from __future__ import annotations

from typing import Any

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
