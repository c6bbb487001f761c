"""The frozen state that all who tell of the daemon tell from."""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from nobgd import config
from nobgd.intake import messages
from nobgd.intake.ignore import Ignore
from nobgd.intake.inbox import Inbox
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.places import Place
from nobgd.pool.engine import Engine
from nobgd.pool.lanes import Lanes
from nobgd.pool.memory import Budget
from nobgd.record.log import Log
from nobgd.status import overview, share_file, why
from nobgd.status.glance import Glance
from nobgd.status.hindrance import Kind
from nobgd.supervisor import clocks
from nobgd.supervisor.service import Service
from nobgd.values import wire


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "in").mkdir()
    text = (
        "{state_dir: state, cache_dir: c, inboxes: [{path: in, outbox: out, share_control: true,"
        " quiet_hours: ['00:00-00:00']}]}"
    )
    settings = config.parse(text, "f.yaml", tmp_path)
    log = Log("info", str(tmp_path / "log"), stdout=io.StringIO())
    made = Service(settings, Ledger(str(tmp_path / "ledger"), time.time), log)
    inbox = str(tmp_path / "in")
    made.scanners.inboxes[inbox] = Inbox(inbox, ignore=Ignore(), mode="poll", post=lambda _: None)
    made.state.outboxes[str(tmp_path / "out")] = Place(str(tmp_path / "out"))
    yield made
    made.end()
    log.close()


CASES = list(itertools.product([False, True], repeat=6))


@pytest.mark.parametrize("case", CASES, ids=["".join("01"[each] for each in c) for c in CASES])
def test_an_inbox_is_open_exactly_when_nothing_hinders_it(
    service: Service, monkeypatch: pytest.MonkeyPatch, case: tuple[bool, ...]
) -> None:
    """Whatever comes together; `why`, `status` and the share tell the same of it."""
    sign, command, lost, outbox, silent, hours = case
    (inbox,) = service.scanners.inboxes
    (box,) = service.state.outboxes.values()
    service.loop.handle(messages.Signs(inbox, ("_PAUSE",) if sign else ()), clocks.read())
    service.ledger.remember("paused *", "by command" if command else None)
    if lost:
        service.state.lost[inbox] = "it was unmounted"
    box.why = "it is full" if outbox else None
    service.state.silent_of = lambda *_: inbox if silent else None
    if not hours:
        monkeypatch.setattr(service.state, "closed_because", lambda _: None)
    now = service.snapshot()
    found = now.inboxes[inbox].hindrance
    assert service.state.is_open(inbox) is (found is None) is (not any(case))
    kinds = [kind for kind, holds in zip(Kind, case, strict=True) if holds]
    assert (None if found is None else found.kind) == (kinds[0] if kinds else None)
    (told,) = overview.status(service.config, service.ledger, now)["inboxes"]
    assert told["hindrance"] == (kinds[0] if kinds else None)
    shared = share_file.text(now, [inbox], {})
    assert (len(shared.splitlines()) > 1) is (found is not None)
    assert inbox not in shared


def test_why_and_status_tell_the_same(service: Service) -> None:
    """The sentence of one is in the other."""
    (inbox,) = service.scanners.inboxes
    service.loop.handle(messages.Lost(inbox, "it was unmounted"), clocks.read())
    next(iter(service.state.outboxes.values())).why = None
    (Path(inbox) / "a.jpg").touch()
    path = f"{inbox}/a.jpg"
    said = why.why(service.config, service.ledger, service.running, path, Glance(kind="file"))
    (told,) = overview.status(service.config, service.ledger, service.snapshot())["inboxes"]
    assert told["hindered"] == "the inbox cannot be read: it was unmounted"
    assert said == f"waiting: {told['hindered']}"


def test_a_snapshot_does_not_change(service: Service) -> None:
    """What happens later is not in it."""
    now = service.snapshot()
    service.in_force.trouble = "later"
    service.in_force.engine = SimpleNamespace(count=9)  # type: ignore[assignment]  # has a count alone
    assert (now.trouble, now.lane_count) == ("", 0)
    service.in_force.engine = None


def test_it_says_that_memory_is_too_little(service: Service, tmp_path: Path) -> None:
    """In the status line, until an ordinary photo was done."""
    lanes = Lanes(wire.Setup(0, 1, str(tmp_path), ()), 1, deadline_s=20, budget=Budget(100))
    service.in_force.engine = Engine(lanes, {}, 1, 1, 100.0, "onnxruntime")
    assert service.snapshot().trouble == ""
    lanes._requests.room.ran_out(0.0, 12.0)
    assert "an ordinary photo does not fit" in service.snapshot().trouble
    lanes._requests.room.worked("a.jpg", 12.0)
    assert service.snapshot().trouble == ""
