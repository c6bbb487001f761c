"""Rates over a window, and the status line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nobgd.intake.inbox import Snapshot
from nobgd.status.rates import Pulse, how_watched


def done(megapixels: float) -> dict[str, Any]:
    return {"event": "photo.done", "megapixels": megapixels}


def snapshot(**changes: Any) -> Snapshot:
    values: dict[str, Any] = {
        "inbox": "/srv/in", "state": "watching", "why": "", "strategy": "poll",
        "texts": ("poll every 5 s: nfs4, where changes by others send no events",),
        "briefs": ("poll 5 s (nfs4)",), "device": 7, "files": 3, "unsettled": 0,
        "scan_age_s": 1.0, "scan_took_s": 0.1, "busy_s": 0.0,
    }  # fmt: skip
    return Snapshot(**{**values, **changes})


def test_rates_are_of_the_last_five_minutes() -> None:
    """Since the start while that is shorter; what is older no longer counts."""
    pulse = Pulse()
    began = pulse._began
    for second in (10, 20, 30):
        pulse.take(done(2.0), began + second)
    assert pulse.photos_per_minute(began + 60) == pytest.approx(3)
    assert pulse.megapixels_per_minute(began + 60) == pytest.approx(6)
    assert pulse.megapixels_per_minute(began + 325) == pytest.approx(2 * 60 / 300)
    assert pulse.megapixels_per_minute(began + 3000) == 0
    pulse.take({"event": "photo.failed"}, began + 3000)
    assert pulse.photos_per_minute(began + 3000) == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "poll 5 s (nfs4)"),
        ({"briefs": ("inotify (ext4)", "poll 5 s (cifs)")}, "inotify (ext4) + poll 5 s (cifs)"),
        ({"briefs": (), "state": "starting"}, "starting"),
        ({"state": "stuck", "why": "the file system has not answered for 40 s"},
         "stuck: the file system has not answered for 40 s"),
    ],
)  # fmt: skip
def test_how_an_inbox_is_watched_in_a_few_words(changes: dict[str, Any], said: str) -> None:
    """Or what is wrong with it, which is more important."""
    assert how_watched(snapshot(**changes)) == said


def test_the_status_line() -> None:
    """`3 waiting · 2 working · 41.2 MP/min · /srv/in: poll 5 s (nfs4)`, then what is wrong."""
    pulse = Pulse()
    pulse._began -= 100  # it began 100 s ago
    pulse.take(done(41.2 * 100 / 60))
    service = SimpleNamespace(
        engine=SimpleNamespace(lanes=SimpleNamespace(busy=lambda: [1, 2])),
        backlog=SimpleNamespace(waiting=lambda: 3, retrying=lambda: 0),
        inboxes={"/srv/in": SimpleNamespace(snapshot=snapshot)},
        outboxes={"/srv/out": SimpleNamespace(path="/srv/out", why=None, failures=0)},
        trouble="",
    )
    line = pulse.line(service)  # type: ignore[arg-type]
    assert line == "3 waiting · 2 working · 41.2 MP/min · /srv/in: poll 5 s (nfs4)"
    service.backlog.retrying = lambda: 1
    service.outboxes["/srv/out"] = SimpleNamespace(path="/srv/out", why="full", failures=2)
    service.trouble = "reload refused: f.yaml:1:1: unknown key x"
    assert pulse.line(service) == (  # type: ignore[arg-type]
        "3 waiting · 2 working · 1 to retry · 41.2 MP/min · /srv/in: poll 5 s (nfs4)"
        " · /srv/out: full · reload refused: f.yaml:1:1: unknown key x"
    )
