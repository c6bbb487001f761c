"""What a person on a terminal reads of the events."""

from __future__ import annotations

import re
from typing import Any

import pytest

from nobgd.record import fields, human, schema

TELLER = human.Teller("/home/me", clock=False)
DONE = {
    "event": "photo.done", "level": "info", "inbox": "/home/me/inbox",
    "source": "/home/me/inbox/trip/Garden.jpg", "output": "/home/me/outbox/trip/Garden_nobg.png",
    "megapixels": 4.096, "total_ms": 1412.3, "how": "computed",
}  # fmt: skip
READY = {
    "event": "service.ready", "level": "info", "version": "1.0", "model": "u2net", "lanes": 2,
}  # fmt: skip
FAILED = {
    "level": "warning", "inbox": "/srv/in", "source": "/srv/in/a.jpg", "code": "not_a_picture",
    "attempt": 1, "reason": "it is empty; put the whole photo there",
}  # fmt: skip


def test_a_photo_is_one_short_line() -> None:
    """Its name, where the cut-out lies, how large, how long; below the working folder in short."""
    assert TELLER.line(DONE) == (
        "✓ trip/Garden.jpg → outbox/trip/Garden_nobg.png  4.1 MP  1.4 s"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({**DONE, "how": "copied"}, "✓ trip/Garden.jpg → outbox/trip/Garden_nobg.png"
         "  (copied from an identical photo)"),
        ({**FAILED, "event": "photo.failed", "retry_in_s": 30.0},
         "! a.jpg: it is empty; put the whole photo there; tried again in 30 s"),
        ({**FAILED, "event": "photo.failed", "retry_in_s": None},
         "! a.jpg: it is empty; put the whole photo there; tried again when it has changed"),
        ({**FAILED, "event": "photo.quarantined", "quarantine": "/var/q"},
         "✗ a.jpg: it is empty; put the whole photo there (set aside in /var/q)"),
        ({**FAILED, "event": "photo.quarantined", "quarantine": "/q",
          "reason": "a.jpg: it is empty"},
         "✗ a.jpg: it is empty (set aside in /q)"),
        ({**FAILED, "event": "photo.quarantined", "quarantine": "/q", "source": "/srv/in/b/a.jpg",
          "reason": "b/a.jpg: it is empty"},
         "✗ b/a.jpg: it is empty (set aside in /q)"),
        ({"event": "photo.skipped", "level": "info", "inbox": "/i", "source": "/i/a.jpg",
          "reason": "already done"}, None),
        ({"event": "lane.confined", "level": "info", "lane": 0, "holds": ["seccomp"]}, None),
        ({"event": "inbox.watching", "level": "info", "inbox": "/i", "strategy": "poll",
          "why": ""}, None),
        ({"event": "inbox.lost", "level": "warning", "inbox": "/i", "why": "it is not there"},
         "! /i: it is not there"),
        ({"event": "inbox.back", "level": "info", "inbox": "/i"}, "✓ inbox back: /i"),
        ({**READY, "quarantined": 0}, "✓ nobgd 1.0 is ready: u2net, 2 photos at a time"),
        ({**READY, "quarantined": 5}, "✓ nobgd 1.0 is ready: u2net, 2 photos at a time;"
         " 5 set aside before: `nobgd status` names them"),
        ({"event": "anything.new", "level": "error", "why": "it broke"}, "✗ it broke"),
    ],
)  # fmt: skip
def test_each_kind(event: dict[str, Any], says: str | None) -> None:
    """Words for people; what only a program wants is left out."""
    assert TELLER.line(event) == says


def test_the_time_is_local_and_colours_are_asked_for() -> None:
    """`12:04:31 ✓ …`, with colours only where they are wanted."""
    line = human.Teller("/x", colours=True).line({**DONE, "timestamp": "2026-11-24T08:00:00Z"})
    assert line is not None
    assert re.match(r"\x1b\[2m\d\d:\d\d:\d\d \x1b\[0m\x1b\[32m✓\x1b\[0m trip/", line)


@pytest.mark.parametrize("name", sorted(schema.EVENTS))
def test_every_event_there_is_can_be_told(name: str) -> None:
    """With all of its fields, and names that would steer a terminal are escaped."""
    values: dict[str, Any] = {"event": name, "level": "warning"}
    for field in schema.EVENTS[name][1].split() + schema.EVENTS[name][2].split():
        kind = fields.FIELDS[field][0]
        values[field] = {"string": "/\x1b[2Jx", "strings": ["a"]}.get(kind, 1)
    line = human.Teller("/", clock=False).line(values)
    assert line is None or ("\x1b" not in line and "\n" not in line)
