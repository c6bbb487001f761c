"""What systemd is told: the watchdog is fed only while all threads are well."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from nobgd import config
from nobgd.intake.inbox import Inbox
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.policy import RUN
from nobgd.jobs.state import State
from nobgd.pool.lane_thread import LaneThread
from nobgd.pool.lanes import Lanes
from nobgd.pool.memory import Budget
from nobgd.status.model import Status
from nobgd.supervisor.health import Vigil
from nobgd.supervisor.scanners import Scanners
from nobgd.values import wire
from nobgd.values.errands import Write

CALM = "0 waiting · 0 working · 0.0 MP/min"


@dataclass
class House:
    """What a vigil looks at; scanner and lanes are real ones."""

    root: Path
    said: list[str] = field(default_factory=list)
    trouble: str = ""

    def __post_init__(self) -> None:
        text = (
            f"{{state_dir: s, cache_dir: c, inboxes: [{{path: {self.root.name}, outbox: out,"
            " watch: {mode: poll}}]}"
        )
        rules = config.parse(text, "f.yaml", self.root.parent)
        state = State(rules, Ledger(":memory:", time.time), RUN)
        self.scanners = Scanners(state, {}, post=lambda _: None, closed=lambda _: None)
        self.scanners.watch()

    def snapshot(self) -> Status:
        return Status({}, {}, (), 2, 1, 0, 0, 0, 0.0, 0.0, self.trouble, "u2net", "fp32")

    def vigil(self, lanes: Lanes | None = None) -> Vigil:
        say = SimpleNamespace(error=lambda name, **_: self.said.append(name))
        stuck = (lambda _: None) if lanes is None else lanes.stuck
        return Vigil(say, self.scanners, stuck, self.snapshot)

    @property
    def inbox(self) -> Inbox:
        return self.scanners.inboxes[str(self.root)]

    def kill_scanner(self) -> None:
        """End its thread as a bug would: nobody told it to."""
        inbox = self.inbox
        inbox.stop()
        inbox._stop = False
        assert not inbox.alive


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[socket.socket]:
    """The other end of the line; it wants to be fed every 20 s."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "20000000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        yield line


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "in").mkdir()
    made = House(tmp_path / "in")
    yield made
    made.scanners.stop()


@pytest.fixture
def lanes(tmp_path: Path) -> Iterator[Lanes]:
    """Real threads and processes, without a model."""
    setup = wire.Setup(0, 1, str(tmp_path), (), confine=False)
    made = Lanes(setup, 2, deadline_s=20, budget=Budget(100))
    for thread in made._threads:
        thread.start()
    yield made
    made.shutdown()


def heard(line: socket.socket) -> list[str]:
    said = []
    while True:
        try:
            said.append(line.recv(4096).decode())
        except BlockingIOError:
            return said


def test_it_is_fed_while_all_is_well(house: House, systemd: socket.socket) -> None:
    """Every quarter of the time, and STATUS comes when it changes, at most every 2 s."""
    vigil = house.vigil()
    vigil.keep(1000.0)
    assert heard(systemd) == [f"STATUS={CALM}", "WATCHDOG=1"]
    vigil.keep(1004.0)
    assert heard(systemd) == []
    house.trouble = "reload refused"
    vigil.keep(1006.0)
    assert heard(systemd) == [f"STATUS={CALM} · reload refused", "WATCHDOG=1"]
    assert vigil.due() == pytest.approx(1006 + 20 / 3)


def test_a_dead_scanner_is_started_again_three_times(house: House, systemd: socket.socket) -> None:
    """Then the watchdog is starved, and STATUS says why; ten minutes later it counts anew."""
    vigil = house.vigil()
    for number in range(3):
        house.kill_scanner()
        vigil.keep(1000.0 + 10 * number)
        assert house.inbox.alive
    assert heard(systemd).count("WATCHDOG=1") == 3
    house.kill_scanner()
    vigil.keep(1030.0)
    assert [each[:18] for each in heard(systemd)] == ["STATUS=the scanner"]
    assert house.said == [*["inbox.restarted"] * 3, "service.unwell"]
    vigil.keep(1700.0)
    assert heard(systemd) == [f"STATUS={CALM}", "WATCHDOG=1"]


def test_a_share_that_hangs_does_not_bite(house: House, systemd: socket.socket) -> None:
    """A scanner thread that waits for its share lives, however long that takes."""
    inbox, hangs, goes_on = house.inbox, threading.Event(), threading.Event()

    def hang(*_: object) -> float:
        hangs.set()
        goes_on.wait(60)
        return 0.0

    inbox._scanner.step = hang  # type: ignore[method-assign, assignment]  # it hangs
    inbox.wake()
    assert hangs.wait(20)
    vigil = house.vigil()
    vigil.keep(1_000_000.0)
    assert "WATCHDOG=1" in heard(systemd)
    goes_on.set()


def test_a_lane_thread_past_its_deadline_bites(house: House, lanes: Lanes) -> None:
    """Half a minute of grace, in which it kills its process; then something is wrong."""
    vigil = house.vigil(lanes)
    lanes._lanes[1].until = 1000.0
    assert vigil.unwell(1029.0) is None
    assert vigil.unwell(1031.0) == "the thread of lane 1 did not come back from its deadline"
    lanes._lanes[1].until = None
    assert vigil.unwell(1031.0) is None


def test_a_lane_thread_that_ended_bites(
    house: House, lanes: Lanes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new process has all its lanes again; a service that is stopping needs none."""
    vigil = house.vigil(lanes)
    write = Write(str(tmp_path), "x.txt", "hello", "hello")
    lanes.submit(write).result(20)
    monkeypatch.setattr(LaneThread, "_open", lambda _: False)
    lanes.submit(write)
    while all(thread.is_alive() for thread in lanes._threads):
        lanes._threads[0].join(0.01)
    assert "has ended" in str(vigil.unwell(0.0))
    lanes.shutdown()
    assert vigil.unwell(0.0) is None


def test_without_systemd_nothing_is_sent(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal there is nobody to feed, and no turn of the loop for it."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    vigil = house.vigil()
    vigil.keep(5.0)
    assert vigil.due() is None
