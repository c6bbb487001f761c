"""What `_nobgd.txt` says (its counts are tried with a real daemon in tests/e2e/test_share.py)."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import cast

import pytest

from nobgd.jobs.row import Row
from nobgd.status import share_file


@pytest.mark.parametrize(
    ("photos", "per_minute", "said"),
    [
        (0, 10.0, None),
        (5, 0.0, None),
        (10, 10.0, "about a minute"),
        (25, 10.0, "about 3 minutes"),
        (899, 10.0, "about 90 minutes"),
        (901, 10.0, "about 2 hours"),
        (100_000, 10.0, "about 7 days"),
    ],
)
def test_the_time_left_is_rough(photos: int, per_minute: float, said: str | None) -> None:
    """Rounded up, in the unit that a person would choose; no number where there is no rate."""
    assert share_file.time_left(photos, per_minute) == said


def test_cut_outs_in_doubt_are_named() -> None:
    """As they are called in the share; nothing is said where there are none."""
    rows = [SimpleNamespace(relpath="a.jpg", output="doubtful/a_nobg.png"),
            SimpleNamespace(relpath="b\n.jpg", output=None)]  # fmt: skip
    said = share_file.doubtful(cast(list[Row], rows))
    assert said[1:] == ["    doubtful/a_nobg.png", "    b\\n.jpg"]
    assert share_file.doubtful([]) == []


def test_the_first_line_says_whose_file_it_is() -> None:
    """By its mark nobgd knows its own file again."""
    whole = share_file.stamped("in: 1 waiting\n", time.localtime(0))
    first, empty, rest = whole.split("\n", 2)
    assert first.startswith(share_file.MARK)
    assert (empty, rest) == ("", "in: 1 waiting\n")
