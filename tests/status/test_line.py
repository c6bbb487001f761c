"""The status line: what waits, how fast it goes, how inboxes are watched, what is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nobgd.intake.inbox import Snapshot
from nobgd.status.line import how_watched, line
from nobgd.status.model import InboxStatus, LaneStatus, OutboxStatus, Status


def snapshot(**changes: Any) -> Snapshot:
    values: dict[str, Any] = {
        "inbox": "/srv/in", "state": "watching", "why": "", "strategy": "poll",
        "texts": ("poll every 5 s: nfs4, where changes by others send no events",),
        "briefs": ("poll 5 s (nfs4)",), "device": 7, "files": 3, "unsettled": 0,
        "scan_age_s": 1.0, "scan_took_s": 0.1, "busy_s": 0.0,
    }  # fmt: skip
    return Snapshot(**{**values, **changes})


STATUS = Status(
    {"/srv/in": InboxStatus("/srv/in", "/srv/out", snapshot(), 3, 0, 2, 0, 0, False, None, None,
                            None)},
    {"/srv/out": OutboxStatus("/srv/out", True, None, False)},
    (LaneStatus(0, "a.jpg", "infer", 1.0), LaneStatus(1, "b.jpg", "infer", 1.0)),
    2, 1, 3, 0, 2, 41.2, 3.0, "", "u2net", "fp32",
)  # fmt: skip


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
    assert line(STATUS) == "3 waiting · 2 working · 41.2 MP/min · /srv/in: poll 5 s (nfs4)"
    wrong = replace(
        STATUS, retrying=1, trouble="reload refused: f.yaml:1:1: unknown key x",
        outboxes={"/srv/out": OutboxStatus("/srv/out", False, "full", True)},
    )  # fmt: skip
    assert line(wrong) == (
        "3 waiting · 2 working · 1 to retry · 41.2 MP/min · /srv/in: poll 5 s (nfs4)"
        " · full · reload refused: f.yaml:1:1: unknown key x"
    ).replace("· full", "· /srv/out: full")


def test_what_waits_for_a_person_is_a_number() -> None:
    """Photos that were set aside, of all inboxes."""
    inboxes = {
        name: replace(STATUS.inboxes["/srv/in"], path=name, quarantined=2) for name in ("/a", "/b")
    }
    assert "2 working · 4 set aside · " in line(replace(STATUS, inboxes=inboxes))


def test_many_that_fail_are_a_number() -> None:
    """The line stays one."""
    boxes = {f"/o{n}": OutboxStatus(f"/o{n}", False, "full", True) for n in range(9)}
    assert line(replace(STATUS, outboxes=boxes)).endswith(
        "/o2: full · 6 more outboxes cannot be written to"
    )
