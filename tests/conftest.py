"""What all tests share: who may run beside whom, when several processes run them."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process for each file; one for all of tests/systemd, which boots one machine."""
    for item in items:
        where = item.path.relative_to(ROOT)
        group = where.parts[0] if where.parts[0] == "systemd" else str(where)
        item.add_marker(pytest.mark.xdist_group(group))
