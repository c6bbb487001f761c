"""May it go?  Plain values in, a wait out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nobgd.values import Code, barrier
from nobgd.values.barrier import Seen, Wait, judge

DAY = 86_400.0
FINE = Seen(60.0, 60.0, DAY, writer=False, holes=False)


@pytest.mark.parametrize(
    ("seen", "wait"),
    [
        (FINE, None),
        (replace(FINE, stored_quiet_s=None), None),
        (replace(FINE, writer=None), None),
        (replace(FINE, watched_quiet_s=2.0), None),
        (replace(FINE, watched_quiet_s=2.0, stored_quiet_s=3.0), Wait(27.0)),
        (replace(FINE, watched_quiet_s=2.0, stored_quiet_s=None), Wait(28.0)),
        (replace(FINE, watched_quiet_s=2.0, stored_quiet_s=-5.0), Wait(28.0)),
        (replace(FINE, writer=True), Wait(30.0, Code.IN_USE)),
        (replace(FINE, holes=True), Wait(240.0, Code.HOLES)),
        (replace(FINE, holes=True, writer=None), Wait(3540.0, Code.HOLES)),
        (replace(FINE, holes=True, watched_quiet_s=300.0), None),
        (replace(FINE, holes=True, writer=None, watched_quiet_s=3600.0), None),
    ],
)
def test_an_original_goes_when_nothing_speaks_against_it(seen: Seen, wait: Wait | None) -> None:
    """Thirty seconds of quiet are needed here."""
    assert judge(seen, 30.0) == wait


def test_a_clock_that_was_set_is_no_quiet() -> None:
    """A machine that came up in 1970: its files look decades old once its clock is right."""
    seen = Seen(2.0, 50 * 365 * DAY, 45.0, writer=False, holes=False)
    assert judge(seen, 30.0) == Wait(28.0)


@pytest.mark.parametrize(("settle_s", "need_s"), [(0.0, 10.0), (0.2, 10.0), (2.0, 30.0)])
def test_the_quiet_grows_with_the_settle_time(settle_s: float, need_s: float) -> None:
    """Where copies stall for longer, settle_s is set higher."""
    assert barrier.quiet_s(settle_s) == need_s
