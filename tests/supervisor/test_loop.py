"""The loop, without lanes: what it hears and what it says (tests/e2e has all of it)."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nobgd import config
from nobgd.intake import messages
from nobgd.jobs.ledger import Ledger
from nobgd.record.log import Log
from nobgd.supervisor import clocks
from nobgd.supervisor.mailbox import Answer, Message
from nobgd.supervisor.service import Service
from nobgd.values import Done, Job, Recipe
from nobgd.values.wire import Finished


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "in").mkdir()
    text = (
        "state_dir: state\ncache_dir: cache\nlog: {file: log}\n"
        "inboxes: [{path: in, outbox: out, share_control: true, quiet_hours: ['00:00-00:00']}]"
    )
    settings = config.parse(text, "f.yaml", tmp_path)
    log = Log("info", str(tmp_path / "log"), stdout=io.StringIO())
    made = Service(settings, Ledger(str(tmp_path / "ledger"), time.time), log)
    yield made
    made.end()
    log.close()


def said(service: Service, name: str) -> list[dict[str, Any]]:
    file = Path(str(service.config.log.file))
    lines = file.read_text().splitlines() if file.exists() else []
    return [event for line in lines if (event := json.loads(line))["event"] == name]


def tell(service: Service, message: Message) -> None:
    service.loop.handle(message, clocks.read())
    service.loop.act()


def test_a_sign_pauses_only_its_inbox_and_only_while_it_is_there(service: Service) -> None:
    """Said when it comes and when it goes; an inbox that does not obey signs is not paused."""
    path = str(service.config.inboxes[0].path)
    tell(service, messages.Signs(path, ("_pause",)))
    assert service.state.paused(path)
    tell(service, messages.Signs(path, ("_pause",)))
    tell(service, messages.Signs("/another", ("_PAUSE",)))
    assert not service.state.paused("/another")
    tell(service, messages.Signs(path, ()))
    assert not service.state.paused(path)
    assert [event["why"] for event in said(service, "inbox.paused")] == ["the file _pause in it"]
    assert len(said(service, "inbox.resumed")) == 1


def test_a_pause_by_command_outlives_the_sign(service: Service) -> None:
    """Two who pause are two who must resume."""
    path = str(service.config.inboxes[0].path)
    service.ledger.remember("paused *", "by command")
    tell(service, messages.Signs(path, ("_PAUSE",)))
    tell(service, messages.Signs(path, ()))
    assert service.state.paused(path)
    service.ledger.remember("paused *", None)
    assert not service.state.paused(path)


def test_an_inbox_that_always_rests(service: Service) -> None:
    """Quiet hours of a whole day close it, and say so."""
    assert service.state.closed_because(str(service.config.inboxes[0].path)) == (
        "quiet hours 00:00-00:00"
    )


def test_an_answer_that_nobody_waits_for_is_not_booked(service: Service) -> None:
    """The photo's row belongs to the job that was begun since; the photo is looked at again."""
    inbox = str(service.config.inboxes[0].path)
    recipe = Recipe("u2netp", "0", "fp32")
    names = ("a_nobg.png",)
    old = Job(inbox, "a.jpg", 1, 1, "/out", names, frozenset(), frozenset(), "k", recipe)
    new = replace(old, size=2)
    looked: list[tuple[str, ...]] = []
    scanner = SimpleNamespace(again=looked.append, stop=lambda _: None)
    service.scanners.inboxes[inbox] = scanner  # type: ignore[assignment]  # plays it
    service.ledger.begin(inbox, "a.jpg", 2, 1, "/out", "a_nobg.png")
    service.state.in_flight[(inbox, "a.jpg")] = new
    late: Future[Finished] = Future()
    done = Done(inbox, "a.jpg", "/out/a_nobg.png", "ab" * 32, recipe.key, 1, 1, 1, 1)
    late.set_result(Finished(done, 0, 0.0))
    tell(service, Answer(old, late))
    row = service.ledger.get(inbox, "a.jpg")
    assert row is not None
    assert row.state == "trying"
    assert service.state.in_flight == {(inbox, "a.jpg"): new}
    assert looked == [("a.jpg",)]
    service.state.in_flight.clear()
