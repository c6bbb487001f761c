"""How fine the times of files are that two machines see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobgd.cluster import grain

TIMES = st.integers(0, 1 << 61)


@given(st.lists(TIMES, min_size=1, max_size=5), st.sampled_from(grain.GRAINS))
def test_a_file_system_that_cuts_is_found(times: list[int], keeps: int) -> None:
    found = grain.common([(each, each // keeps * keeps) for each in times])
    assert found is not None
    assert found <= keeps
    assert all(each // found == each // keeps * keeps // found for each in times)


@pytest.mark.parametrize("keeps", grain.GRAINS)
def test_the_finest_that_fits(keeps: int) -> None:
    time = 1_700_000_001_123_456_789
    assert grain.common([(time, time // keeps * keeps)]) == keeps


def test_other_times_agree_by_no_grain() -> None:
    assert grain.common([(0, 0), (5_000_000_000, 9_000_000_000)]) is None


def test_it_is_said_in_words() -> None:
    assert [grain.said(each) for each in grain.GRAINS] == [
        "1 ns", "100 ns", "1 µs", "1 ms", "1 s", "2 s",
    ]  # fmt: skip
