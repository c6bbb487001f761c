"""A photo's original was archived or deleted before the ledger had it on disk that it was done.

A supervisor that was killed in between found an unfinished attempt and no photo: the cut-out and
the archived original were there, but the photo was never said to be done, and waited for ever.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from faults import tracing
from faults.commit_path import DISPOSED, Place

_LINE, _SYNC = "sendto to the line: a job or an answer", "fdatasync the ledger WAL"


@pytest.mark.parametrize("case", DISPOSED)
def test_the_ledger_comes_first(tmp_path: Path, case: str) -> None:
    """The errand to take the original away goes out after the photo is durable as done."""
    why = tracing.missing()
    if why is not None:
        pytest.skip(why)
    with contextlib.closing(Place(tmp_path / "place", tmp_path / "cache", 4)) as place:
        calls = [point.call for point in place.walk(case) if point.role == "supervisor"]
    done = [number for number, call in enumerate(calls) if call == _SYNC][1]  # the first: its start
    errand = max(number for number, call in enumerate(calls) if call == _LINE)
    assert done < errand
