"""How long the bars of a report's charts are."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from nobgd.report import stretch
from nobgd.report.tally import Timeline

HOUR, DAY, WEEK = 3600, 86_400, 604_800


def counted(moments: list[float]) -> Counter[int]:
    return Counter(int(moment) for moment in moments)


def evenly(photos: int, span_s: float) -> Counter[int]:
    return counted([number * span_s / photos for number in range(photos)])


@pytest.mark.parametrize(
    ("photos", "span_s", "length_s"),
    [
        (300, 560, 10),
        (300, 20 * 60, 30),
        (100, 600, 30),  # 60 bars of 10 s would hold one or two photos each
        (20_000, 600, 10),
        (3000, 20 * HOUR, 1800),
        (50_000, 7 * DAY, 3 * HOUR),
        (50_000, 30 * DAY, 12 * HOUR),
        (400_000, 365 * DAY, WEEK),
        (8, 24, 10),  # a bar of 30 s would be the only one
        (1, 1, 1),
    ],
)
def test_the_length_follows_from_the_span_and_from_what_is_in_it(
    photos: int, span_s: int, length_s: int
) -> None:
    """Round, at most 60 of them, at least 12 where there are photos for as many."""
    assert stretch.shown(evenly(photos, span_s), 1) == length_s
    bars = span_s / length_s
    assert bars <= 60
    assert bars >= 12 or photos < 60


def test_photos_that_come_in_bursts_are_not_merged_for_the_time_between() -> None:
    """Three hours of work in a month are three bars among many."""
    found = counted([day * 10 * DAY + number * 30.0 for day in range(3) for number in range(120)])
    assert stretch.shown(found, 1) == 12 * HOUR


@pytest.mark.parametrize("seed", range(30))
def test_never_more_than_sixty_and_some_photos_in_each(seed: int) -> None:
    """Whatever the log is like; a handful of photos still makes three bars or more."""
    chance = random.Random(seed)
    span = 10 ** chance.uniform(0, 8)
    found = counted([chance.uniform(0, span) for _ in range(chance.choice([1, 2, 9, 400, 3000]))])
    length = stretch.shown(found, 1)
    bars = Counter[int]()
    for second, photos in found.items():
        bars[second // length] += photos
    many = max(bars) - min(bars) + 1
    assert many <= 60
    longer = stretch.longer(length)
    fewer = max(found) // longer - min(found) // longer + 1
    assert sum(bars.values()) >= 5 * len(bars) or fewer < 3


def test_each_length_is_made_of_those_before() -> None:
    """So stretches can be put together; beyond a week there is no end."""
    length = 1
    for _ in range(40):
        further = stretch.longer(length)
        assert further > length
        assert further % length == 0
        length = further


def test_nothing_gets_lost_between_a_timeline_and_its_bars() -> None:
    """Photos, pixels, waits and failures are as many, in however few bars."""
    chance, line = random.Random(4), Timeline()
    for number in range(5000):
        each = line.at(1.77e9 + number * chance.uniform(0, 60))
        each.photos += 1
        each.megapixels += 12
        each.queued_ms += 100
        each.failures += number % 7 == 0
    bars = line.moments()
    assert len(bars) <= 60
    assert sum(bar.photos for bar in bars) == 5000
    assert sum(bar.megapixels for bar in bars) == 60_000
    assert sum(bar.failures for bar in bars) == 715
    assert {bar.queued_ms for bar in bars if bar.photos} == {100}
    assert len({bar.span_s for bar in bars}) == 1
    starts = [bar.start for bar in bars]
    assert starts == [starts[0] + number * bars[0].span_s for number in range(len(bars))]
