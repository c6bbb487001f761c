"""`nobgd status` on a ledger, without a daemon."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nobgd import config
from nobgd.cli import status as verb
from nobgd.config import Config
from nobgd.jobs.ledger import Ledger
from nobgd.status import booked, overview
from nobgd.values import Code, Done, Failed


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    return config.parse("inboxes: [{path: b, outbox: o}, {path: a, outbox: p}]", "f.yaml", tmp_path)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    clock = itertools.count(1_770_000_000.0)
    made = Ledger(str(tmp_path / "ledger.sqlite3"), lambda: next(clock))
    yield made
    made.close()


def quarantined(ledger: Ledger, inbox: Path, name: str) -> None:
    ledger.begin(str(inbox), name, 1, 1, "o", "y")
    ledger.quarantined(Failed(str(inbox), name, Code.BROKEN, f"{name}: it is broken"))


def test_the_last_failures_are_those_of_the_inboxes_there_are(
    settings: Config, ledger: Ledger, tmp_path: Path
) -> None:
    """Latest first over all of them, ten at most; an inbox that is configured no more has none."""
    for number in range(12):
        quarantined(ledger, tmp_path / "ab"[number % 2], f"{number}.jpg")
        quarantined(ledger, tmp_path / "former", f"{number}.jpg")
    failures = overview.status(settings, ledger, None)["failures"]
    wanted = [str(tmp_path / "ab"[number % 2] / f"{number}.jpg") for number in range(11, 1, -1)]
    assert [each["source"] for each in failures] == wanted


def test_a_failure_names_its_photo_once(settings: Config, ledger: Ledger, tmp_path: Path) -> None:
    """Its reason begins with its name already."""
    quarantined(ledger, tmp_path / "a", "sub/x.jpg")
    said = verb.text(overview.status(settings, ledger, None)).splitlines()
    assert said[-2:] == ["last failures:", f"  {tmp_path}/a/sub/x.jpg: it is broken"]


def test_other_machines_have_a_line_each_and_so_has_that_there_are_none(
    settings: Config, ledger: Ledger
) -> None:
    """With a broker; without one nothing is said."""
    answer = overview.status(settings, ledger, None)
    answer |= {"running": True, "line": "0 waiting", "waiting": 0, "working": 0, "lanes": []}
    alone = verb.text(answer).splitlines()
    none, *rest = verb.text({**answer, "broker": "", "machines": []}).splitlines()[1:]
    assert none == "  no other machine is here; `nobgd doctor` has those that were invited"
    assert rest == alone[1:]
    one = {"host": "desk-1", "state": "up", "why": "", "seats": 1, "busy": 0, "answered": 1,
           "engine": "ncnn", "priority": 0}  # fmt: skip
    said = verb.text({**answer, "broker": "", "machines": [one]}).splitlines()[1]
    assert said == "  desk-1       up: 1 seat, busy 0, 1 mask · ncnn, priority 0"


@pytest.mark.parametrize(
    ("how", "begins", "ends"),
    [
        ("computed", "done as /", ", in 1.5 s"),
        ("rendered", "done from its cut-out as /", ", in 1.5 s"),
        ("copied", "done as /", ", copied from an identical photo's cut-out"),
        ("found", "done as /", "; it was there already"),
    ],
)
def test_how_it_was_done(
    settings: Config, ledger: Ledger, tmp_path: Path, how: str, begins: str, ends: str
) -> None:
    """After where and when, as a sentence."""
    inbox, outbox = str(tmp_path / "b"), str(tmp_path / "o")
    ledger.begin(inbox, "x.jpg", 1, 1, outbox, "x_nobg.png")
    done = Done(inbox, "x.jpg", f"{outbox}/x_nobg.png", "0" * 64, "r", 4, 3, 100, 9, how=how)
    ledger.done(done, outbox, None)
    row = ledger.get(inbox, "x.jpg")
    assert row is not None
    row = replace(row, took_ms=1500.0)
    said = booked.told(row, settings.inboxes[0], f"{inbox}/x.jpg")
    assert said.startswith(begins)
    assert f"{outbox}/x_nobg.png at 20" in said
    assert said.endswith(ends)
