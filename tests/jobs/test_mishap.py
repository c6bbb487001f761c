"""What one photo does to the loop: nothing."""

from __future__ import annotations

import io
import json
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from nobgd import config
from nobgd.intake import messages
from nobgd.jobs.database import of_the_ledger
from nobgd.jobs.effects import RunErrand, Submit
from nobgd.jobs.events import Freed
from nobgd.jobs.ledger import Ledger
from nobgd.record.log import Log
from nobgd.supervisor import clocks
from nobgd.supervisor.mailbox import Answer
from nobgd.supervisor.service import Service
from nobgd.values import Photo
from nobgd.values.errands import Peek, SetAside


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "in").mkdir()
    text = "{state_dir: state, cache_dir: cache, inboxes: [{path: in, outbox: out}]}"
    settings = config.parse(text, "f.yaml", tmp_path)
    log = Log("info", str(tmp_path / "log"), stdout=io.StringIO())
    made = Service(settings, Ledger(str(tmp_path / "ledger"), time.time), log)
    yield made
    made.end()
    log.close()


def take(service: Service, message: Any) -> None:
    """Tell the loop; what it asks lanes for is nobody's to do here."""
    service.loop.take(message, clocks.read())
    work = (RunErrand, Submit)
    service.decisions.pending = [
        each for each in service.decisions.pending if not isinstance(each, work)
    ]
    service.loop.act()


def said(tmp_path: Path, name: str) -> list[dict[str, Any]]:
    log = tmp_path / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [event for line in lines if (event := json.loads(line))["event"] == name]


def test_a_photo_that_cannot_be_handled_is_set_aside_and_the_next_is_taken(
    service: Service, tmp_path: Path
) -> None:
    """The name that breaks the desk is quarantined as internal; its neighbour waits for a lane."""
    inbox = str(tmp_path / "in")
    bad, good = Photo(inbox, "bad\udcff\n.jpg", 1, 1, 9.0), Photo(inbox, "good.jpg", 1, 1, 9.0)
    settled = service.machine.rooms.arrival.settled

    def breaks(photo: Photo) -> None:
        if photo is bad:
            raise OverflowError("Python int too large")
        settled(photo)

    service.machine.rooms.arrival.settled = breaks  # type: ignore[method-assign]  # it breaks
    take(service, messages.Settled(inbox, (bad, good)))
    row = service.ledger.get(inbox, bad.relpath)
    assert row is not None
    assert (row.state, row.code) == ("quarantined", "internal")
    assert service.state.backlog.find(inbox, "good.jpg") is not None
    (event,) = said(tmp_path, "photo.quarantined")
    assert event["source"] == f"{inbox}/{bad.relpath}"
    assert "OverflowError" in event["reason"]


def test_a_photo_that_is_done_stays_done(service: Service, tmp_path: Path) -> None:
    """What goes wrong after the booking is said, once, and books nothing."""
    inbox = str(tmp_path / "in")
    photo = Photo(inbox, "a.jpg", 1, 1, 9.0)
    service.ledger.begin(inbox, "a.jpg", 1, 1, str(tmp_path / "out"), "a_nobg.png")
    service.ledger._db.execute("UPDATE photo SET state='done'")
    for _ in range(3):
        service.machine.rooms.mishaps.photo(photo, RuntimeError("no lane"))
    service.decisions.pending += service.state.asked()
    service.loop.act()
    row = service.ledger.get(inbox, "a.jpg")
    assert row is not None
    assert row.state == "done"
    assert len(said(tmp_path, "service.stumbled")) == 1


def test_an_answer_that_cannot_be_used_is_said_once(service: Service, tmp_path: Path) -> None:
    """An errand's, or what another thread asked for: the loop goes on."""
    broken: Future[Any] = Future()
    broken.set_exception(EOFError("cut"))
    for _ in range(3):
        take(service, Freed((None,)))  # type: ignore[arg-type]  # it cannot be used
        take(service, Answer(SetAside("/in", "a", "/q", "why"), broken))
    assert len(said(tmp_path, "service.stumbled")) == 2


def test_who_asked_hears_of_an_errand_that_ended_as_none_should(service: Service) -> None:
    """Else it waited for ever: what waits for one errand at a time would ask for no other."""
    inbox = str(service.config.inboxes[0].path)
    service.loop.take(
        messages.Settled(inbox, tuple(Photo(inbox, each, 1, 1, 9.0) for each in "ab")),
        clocks.read(),
    )  # fmt: skip
    (asked,), service.decisions.pending = service.decisions.pending, []
    assert isinstance(asked, RunErrand)
    broken: Future[Any] = Future()
    broken.set_exception(EOFError("cut"))
    service.loop.take(Answer(asked.errand, broken), clocks.read())
    (following,) = [each for each in service.decisions.pending if isinstance(each, RunErrand)]
    assert isinstance(following.errand, Peek)
    assert following.errand.relpath == "b"
    service.decisions.pending.clear()


def test_the_ledgers_own_trouble_goes_on_up(service: Service) -> None:
    """A full disk is not the fault of the photo whose row did not fit."""
    photo = Photo("/in", "a.jpg", 1, 1, 9.0)
    for error in (sqlite3.OperationalError("disk is full"), sqlite3.DatabaseError("malformed")):
        assert of_the_ledger(error)
        with pytest.raises(sqlite3.Error):
            service.machine.rooms.mishaps.photo(photo, error)
    for mistake in (sqlite3.IntegrityError(), sqlite3.InterfaceError(), OverflowError()):
        assert not of_the_ledger(mistake)
