"""The short form of the campaign: each row with a few of its iterations."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path

import pytest

from faults.campaign import ROWS, page, results

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", ROWS)
def test_no_violation(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every iteration ends well, and as many are made as were asked for."""
    row = importlib.import_module(f"faults.rows.{name}")
    why = row.missing() if hasattr(row, "missing") else None
    if why is not None:
        pytest.skip(f"{row.TITLE}: {why}")
    root = tmp_path_factory.getbasetemp() / name  # beside the others: they share a cache
    root.mkdir()
    rounds = row.rounds(root, 4, 0, row.SHORT)
    with contextlib.closing(rounds):
        seen = [(reached, wrong) for reached, wrong, _ in rounds]
    assert [wrong for _, wrong in seen if wrong] == []
    assert seen[-1][0] == row.SHORT


def test_the_page_is_what_the_results_say() -> None:
    """FAULTS.md is written from the results, never by hand."""
    assert (HERE / "FAULTS.md").read_text() == page(results())
