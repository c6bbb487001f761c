"""The fit of time against megapixels, and what the daemon makes of it."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobgd.record.drift import RECENT, Drift
from nobgd.record.fit import Fit, merged
from record.simulated import Day


def photo(chance: random.Random, *, fixed: float = 600.0, slope: float = 10.0) -> dict[str, Any]:
    megapixels = chance.choice([0.9, 2.1, 8.3, 12.0, 24.0])
    noise = chance.uniform(0.9, 1.1)
    infer, encode = fixed * noise, slope * megapixels * noise
    return {
        "event": "photo.done", "how": "computed", "megapixels": megapixels, "infer_ms": infer,
        "encode_ms": encode, "total_ms": infer + encode,
    }  # fmt: skip


def follow(drift: Drift, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [said for event in events if (said := drift.note(event)) is not None]


points = st.lists(st.tuples(st.floats(0.1, 200), st.floats(1, 1e5)), min_size=3, max_size=40)


@given(points)
def test_the_line_is_that_of_least_squares(found: list[tuple[float, float]]) -> None:
    """Where both parts are positive it is numpy's; they are never negative."""
    fit = Fit()
    for x, y in found:
        fit.add(x, y)
    fixed, slope = fit.line()
    assert fixed >= 0
    assert slope >= 0
    x, y = np.array(found).T
    if x.std() > 0.1:
        theirs = np.polyfit(x, y, 1)
        if (theirs > 0.01).all():
            assert (slope, fixed) == pytest.approx(tuple(theirs), rel=1e-3, abs=0.1)


@given(points, st.integers(1, 39))
def test_fits_can_be_merged(found: list[tuple[float, float]], cut: int) -> None:
    """Two halves make the whole."""
    parts = [Fit(), Fit()]
    whole = Fit()
    for number, (x, y) in enumerate(found):
        parts[number >= cut].add(x, y)
        whole.add(x, y)
    assert merged(parts).line() == pytest.approx(whole.line(), rel=1e-6, abs=1e-6)


def test_photos_of_one_size_tell_the_cost_per_megapixel_only() -> None:
    """No fixed part can be known."""
    fit = Fit()
    for ms in (100.0, 200.0, 300.0):
        fit.add(2.0, ms)
    fixed, per_megapixel = fit.line()
    assert fixed == 0.0
    assert per_megapixel == pytest.approx(100.0)
    assert Fit().line() == (0.0, 0.0)


def test_steady_work_is_not_called_slower() -> None:
    """Ten thousand noisy photos say nothing."""
    chance = random.Random(1)
    assert follow(Drift(25), [photo(chance) for _ in range(10_000)]) == []


def test_slower_work_is_said_once_with_the_stage_that_grew() -> None:
    """The second half takes 60 % longer in inference."""
    chance = random.Random(2)
    events = [photo(chance) for _ in range(600)] + [photo(chance, fixed=960) for _ in range(400)]
    (said,) = follow(Drift(25), events)
    assert said["event"] == "service.drift"
    assert said["stage"] == "infer"
    assert 25 <= said["percent"] <= 75
    assert said["recent_ms_per_megapixel"] > said["before_ms_per_megapixel"]


def test_it_is_said_again_after_it_has_mended() -> None:
    """Slow, quick, slow: twice; and of encoding when that is what grew."""
    chance = random.Random(3)
    quick, slow = {"fixed": 600.0}, {"fixed": 600.0, "slope": 150.0}
    events = [photo(chance, **kind) for kind in (quick, slow, quick, slow) for _ in range(1200)]
    said = follow(Drift(25), events)
    assert [each["stage"] for each in said] == ["encode", "encode"]


def test_one_huge_photo_is_no_drift() -> None:
    """One of a minute among many."""
    chance = random.Random(4)
    events = [photo(chance) for _ in range(700)]
    events[650] |= {"megapixels": 180.0, "total_ms": 60_000.0}
    assert follow(Drift(25), events) == []


def test_only_computed_photos_count() -> None:
    """Copies take a hundredth of the time and would hide everything."""
    chance = random.Random(5)
    drift = Drift(25)
    for _ in range(5 * RECENT):
        assert drift.note(photo(chance) | {"how": "copied", "total_ms": 1.0}) is None
        assert drift.note({"event": "photo.failed"}) is None
    assert not drift._usual


@pytest.mark.parametrize("seed", range(200))
def test_a_day_of_all_kinds_of_work_is_no_drift_and_a_slower_machine_is(seed: int) -> None:
    """Single photos, batches, sizes, models, engines, threads, lanes, reloads: nothing is said.

    Then everything takes 30 % longer: said within 200 photos, if they are of kinds seen before.
    """
    slower, steady = 600, 350  # photos; from when on no reload brings another kind
    day, drift = Day(seed, slower_from=slower), Drift(20)
    said: list[int] = []
    for number, event in enumerate(day.events(slower + 200)):
        if number == steady:
            day.reloads = False
        if drift.note(event) is not None:
            said.append(number)
    assert [number for number in said if number < slower] == []
    if not day.mixed:
        assert said


def test_another_mix_of_work_is_no_drift() -> None:
    """First one by one with two threads, then all at once with one; other models; other sizes."""
    chance = random.Random(6)

    def of(fixed: float, **more: Any) -> list[dict[str, Any]]:
        return [photo(chance, fixed=fixed) | more for _ in range(400)]

    alone = of(330, threads=2, lanes_busy=1.0)
    full = of(660, threads=1, lanes_busy=1.98)
    crowded = of(1500, threads=1, lanes_busy=3.9)
    large = of(5000, model="u2net", threads=1)
    packed = of(4000, compression="balanced")
    assert follow(Drift(20), [*alone, *full, *crowded, *large, *packed, *alone]) == []
    slower = of(900, threads=1, lanes_busy=2.0)
    assert len(follow(Drift(20), [*alone, *full, *slower])) == 1
