"""Planning: names, rules, back-off."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobgd.jobs import plan
from nobgd.values import Photo

NAMES = st.binary(min_size=1, max_size=255).filter(
    lambda raw: not set(raw) & {0, 0x2F} and raw not in (b".", b"..")
)


@given(NAMES, st.sampled_from(["_nobg", "-cut", "_" + "x" * 40]))
def test_every_name_gives_three_names_that_fit(raw: bytes, suffix: str) -> None:
    """Whatever the source is called, its outputs are distinct and fit in 255 bytes."""
    names = plan.outputs(os.fsdecode(raw), suffix)
    assert len(set(names)) >= 2
    for name in names:
        assert len(os.fsencode(name)) <= plan.NAME_BYTES
        assert name.endswith(f"{suffix}.png")
        assert "/" not in name


@given(NAMES)
def test_naming_is_deterministic(raw: bytes) -> None:
    """The name depends only on the source."""
    name = os.fsdecode(raw)
    assert plan.outputs(name, "_nobg") == plan.outputs(name, "_nobg")


@given(NAMES, NAMES)
def test_the_last_resort_is_unique_to_the_source(one: bytes, two: bytes) -> None:
    """Two sources never share their third name."""
    if one != two:
        first, second = (plan.outputs(os.fsdecode(raw), "_nobg")[2] for raw in (one, two))
        assert first != second


def test_sub_folders_are_mirrored() -> None:
    """`2024/may/a.jpg` comes out as `2024/may/a_nobg.png`."""
    assert plan.outputs("2024/may/a.jpg", "_nobg")[:2] == (
        "2024/may/a_nobg.png",
        "2024/may/a.jpg_nobg.png",
    )


@given(NAMES, NAMES)
def test_names_never_run_out(one: bytes, two: bytes) -> None:
    """Behind the three there is room for a hash and a number; no two sources share it."""
    head, tail = plan.spare(os.fsdecode(one), "_nobg")
    assert len(os.fsencode(head + tail)) + plan.SPARE_BYTES <= plan.NAME_BYTES
    if one != two:
        assert plan.spare(os.fsdecode(two), "_nobg")[0] != head


@given(st.text(alphabet="äß漢🎞", min_size=60, max_size=90))
def test_long_names_are_cut_between_characters(stem: str) -> None:
    """A shortened UTF-8 name is still UTF-8."""
    raw = stem.encode()[:250].decode(errors="ignore")
    name = plan.outputs(f"{raw}.jpg", "_nobg")[0]
    assert name.encode()


@pytest.mark.parametrize(
    ("name", "taken"),
    [("a.JPG", True), ("b.tiff", True), ("c.webp", True), ("d.txt", False), ("e", False),
     ("f.HEIC", True), ("g.nef", True), ("h.avif", True), ("i.gif", True), ("j.jxl", False),
     (".jpg", False)],
)  # fmt: skip
def test_only_named_formats_become_jobs(name: str, taken: bool) -> None:
    """The extension decides before a byte is read."""
    assert (plan.refusal(name) is None) is taken


def test_another_format_is_refused_with_the_way_out() -> None:
    """The sentence says what to do."""
    assert "export it as JPEG" in str(plan.refusal("x/a.JXL"))
    assert "a.svg is an SVG file; export" in str(plan.refusal("a.svg"))
    assert "a.ico is an ICO file; export" in str(plan.refusal("a.ico"))
    assert "a.psd is a Photoshop file; export" in str(plan.refusal("a.psd"))
    assert "a is an AVIF by its content" in str(plan.refusal("a", "AVIF"))
    assert "a is a HEIF by its content" in str(plan.refusal("a", "HEIF"))
    assert "a is a raw photo by its content" in str(plan.refusal("a", "RAW"))


@pytest.mark.parametrize(
    ("known", "source", "expected"),
    [
        (None, "keep", "job"),
        (plan.Known("done", True, True), "keep", "nothing"),
        (plan.Known("done", False, True), "keep", "job"),
        (plan.Known("done", True, False), "keep", "job"),
        (plan.Known("done", True, True), "delete", "dispose"),
        (plan.Known("done", True, True, disposed=True), "archive", "job"),
        (plan.Known("retry", True, False), "keep", "wait"),
        (plan.Known("quarantined", True, False), "keep", "nothing"),
        (plan.Known("quarantined", False, False), "keep", "job"),
        (plan.Known("skipped", True, False), "keep", "job"),
    ],
)
def test_what_is_known_decides(known: plan.Known | None, source: str, expected: str) -> None:
    """Inbox minus ledger is what there is to do."""
    assert plan.todo(known, source) == expected


@given(st.integers(1, 100), st.integers(0, 2**32))
def test_backoff_doubles_within_its_limits(failures: int, seed: int) -> None:
    """Between 4 seconds and 12 minutes, whatever the count."""
    wait = plan.backoff_s(failures, random.Random(seed))
    assert plan.BACKOFF_FIRST_S * 0.8 <= wait <= plan.BACKOFF_LONGEST_S * 1.2


def test_an_inbox_key_gives_nothing_away() -> None:
    """Keys are short, stable and say nothing of the path."""
    key = plan.inbox_key("/srv/photos/in")
    assert key == plan.inbox_key("/srv/photos/in")
    assert key != plan.inbox_key("/srv/photos/in2")
    assert "photos" not in key


@pytest.mark.parametrize(
    ("spans", "at", "rests"),
    [
        ([], "03:00", None),
        (["09:00-17:00"], "08:59", None),
        (["09:00-17:00"], "09:00", "09:00-17:00"),
        (["09:00-17:00"], "16:59", "09:00-17:00"),
        (["09:00-17:00"], "17:00", None),
        (["22:00-06:00"], "21:59", None),
        (["22:00-06:00"], "22:00", "22:00-06:00"),
        (["22:00-06:00"], "00:00", "22:00-06:00"),
        (["22:00-06:00"], "05:59", "22:00-06:00"),
        (["22:00-06:00"], "06:00", None),
        (["08:00-09:00", "22:00-6:30"], "06:29", "22:00-6:30"),
        (["00:00-00:00"], "12:00", "00:00-00:00"),
    ],
)
def test_quiet_hours(spans: list[str], at: str, rests: str | None) -> None:
    """From the first minute until before the last, over midnight too; equal ends: all day."""
    hour, minute = map(int, at.split(":"))
    said = plan.resting(spans, hour * 60 + minute)
    assert said == (f"quiet hours {rests}" if rests else None)


MINUTES = st.integers(0, 24 * 60 - 1)


@given(MINUTES, MINUTES, MINUTES)
def test_a_span_and_its_opposite_share_no_minute(start: int, end: int, now: int) -> None:
    """At every minute exactly one of the two rests, wherever midnight lies."""
    clock = [f"{minute // 60:02}:{minute % 60:02}" for minute in (start, end)]
    one = plan.resting([f"{clock[0]}-{clock[1]}"], now)
    other = plan.resting([f"{clock[1]}-{clock[0]}"], now)
    assert [one, other].count(None) == (0 if start == end else 1)


@pytest.mark.parametrize(
    ("relpath", "urgent"),
    [
        ("_urgent/a.jpg", True),
        ("_urgent/day1/a.jpg", True),
        ("_urgent", False),
        ("_urgently/a.jpg", False),
        ("trip/_urgent/a.jpg", False),
    ],
)
def test_what_is_urgent(relpath: str, urgent: bool) -> None:
    """All below the folder `_urgent` at the top of an inbox, and nothing else."""
    assert plan.urgent(Photo("/in", relpath, 1, 0, 2.0)) is urgent
