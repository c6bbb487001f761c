"""The lines of the log."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nobgd.record import events
from nobgd.values import Code, Done, Failed, Skip, Timing

NAMES = st.binary(min_size=1, max_size=80).map(lambda raw: raw.decode("utf-8", "surrogateescape"))


def done(**changes: Any) -> Done:
    timing = Timing(1, 20, 300, 4, 50, 6, 400)
    fields: dict[str, Any] = {
        "width": 2000,
        "height": 1000,
        "bytes_in": 10,
        "bytes_out": 20,
        "timing": timing,
    }
    return Done("/in", "a.jpg", "/out/a_nobg.png", "abc", "r", **{**fields, **changes})


def test_ms_per_megapixel_is_the_total_over_the_size() -> None:
    """400 ms for two megapixels are 200 for one."""
    event = events.photo_done(done(), lane=1, queued_ms=5.04)
    assert event["megapixels"] == 2.0
    assert event["ms_per_megapixel"] == 200.0
    assert event["queued_ms"] == 5.0
    assert event["source"] == "/in/a.jpg"


def test_a_photo_without_size_divides_by_nothing() -> None:
    """A copied output whose header could not be read still makes a line."""
    assert events.photo_done(done(width=0), lane=0, queued_ms=0)["ms_per_megapixel"] == 0.0


@given(NAMES, NAMES)
def test_any_name_makes_one_line_that_parses(name: str, reason: str) -> None:
    """No newline, escape sequence or broken UTF-8 gets into the log as such."""
    for event in (
        events.photo_skipped(Skip("/in", name, reason)),
        events.photo_failed(Failed("/in", name, Code.BROKEN, reason), retry_in_s=1.0),
        events.photo_quarantined(Failed("/in", name, Code.BROKEN, reason), quarantine=name),
    ):
        line = events.line(event)
        assert line.isascii()
        assert line.isprintable()
        assert events.parse(line) == json.loads(line) == event


def test_foreign_lines_are_no_events() -> None:
    """A torn line, another program's line, an empty one."""
    for line in ("", "{", "[1]", '{"msg": "hello"}', '{"event": 3}'):
        assert events.parse(line) is None
