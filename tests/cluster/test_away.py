"""Whatever dies, every question gets one mask: broker, workers and link are real, models sleep."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cluster.broker import TESTS, Broker, Worker, await_true
from nobgd import models
from nobgd.fs import shared_memory
from nobgd.pool import model_process
from nobgd.pool.inference import Inference, Ran
from nobgd.values import wire
from nobgd.values.machine import LOST, UP, Machine

FOUND = models.find("u2netp")
SPEC = FOUND.spec
WEIGHTS = wire.Weights(
    str(FOUND.path), SPEC.sha256, "u2netp", "fp32", SPEC.input_size, SPEC.mean, SPEC.std
)
SIZE = wire.tensor_bytes([WEIGHTS])
Hire = Callable[..., Worker]


class Home:
    """The supervisor's side with one seat of its own, and lanes that ask."""

    def __init__(self, broker: Broker, cache: Path) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.inference = Inference(
            wire.ModelSetup((WEIGHTS,), str(cache)), deadline_s=60.0,
            link=wire.Link(str(broker.home), (WEIGHTS,), lease_s=2.0),
            told=lambda event, fields: self.told.append((event, fields)),
        )  # fmt: skip
        self.lanes = ThreadPoolExecutor(16)
        self.inference.start()
        self.inference.await_ready()

    def machine(self, host: str = "desk-1") -> Machine | None:
        others = self.inference.others
        assert others is not None
        return next((each for each in others.machines if each.host == host), None)

    def has(self, host: str = "desk-1", state: str = UP) -> None:
        def so() -> bool:
            machine = self.machine(host)
            return machine is not None and machine.state == state

        await_true(so)

    def ask(self, count: int) -> list[Future[Ran]]:
        return [self.lanes.submit(self._ask) for _ in range(count)]

    def _ask(self) -> Ran:
        """A lane's question; its mask has to be right."""
        memory = shared_memory.create(SIZE)
        picture = os.urandom(1000) * (WEIGHTS.shown_bytes // 1000 + 1)
        picture = picture[: WEIGHTS.shown_bytes]
        os.pwrite(memory, picture, WEIGHTS.shown_at)
        ran = self.inference.run(0, memory, lambda: True, about={"source": "/in/a.jpg"})
        mask = os.pread(memory, WEIGHTS.mask_bytes, WEIGHTS.input_bytes)
        assert mask == picture[::3]
        os.close(memory)
        return ran

    def events(self, name: str) -> list[dict[str, Any]]:
        return [fields for event, fields in self.told if event == name]


@pytest.fixture
def home(broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setattr(model_process, "PROCESS", "cluster.sleeper")
    monkeypatch.setenv("PYTHONPATH", TESTS)
    (tmp_path / "sleep").write_text("0.3")
    monkeypatch.setenv("SLEEP_FILE", str(tmp_path / "sleep"))
    one = Home(broker, tmp_path)
    yield one
    one.inference.close()
    one.lanes.shutdown()


def hosts(answers: list[Future[Ran]]) -> list[str]:
    """Who made the masks, when all are there."""
    ran = [each.result(60) for each in answers]
    return [each.thought.host if each.thought else "here" for each in ran]


def holds(worker: Worker, home: Home) -> Callable[[], bool]:
    """Whether the machine has begun a question and has not answered it."""
    away = home.inference._away
    assert away is not None
    return lambda: any(each.host == worker.host for each in list(away._out.values()))


def test_machines_come_and_go(home: Home, worker: Hire) -> None:
    """Two of them and this one share the work; what a dead or a sleeping one had is done elsewhere.

    The sleeper's answer comes when nobody waits for it any more, and it gets work again.
    """
    one = worker("desk-1", sleep_s=0.2).start()
    two = worker("desk-2", sleep_s=0.2).start()
    home.has("desk-1")
    home.has("desk-2")
    assert set(hosts(home.ask(12))) == {"desk-1", "desk-2", "here"}

    one.sleeps(1000)
    answers = home.ask(6)
    await_true(holds(one, home))
    one.kill()  # switched off
    assert "desk-1" not in hosts(answers)
    home.has("desk-1", LOST)

    two.sleeps(8)
    answers = home.ask(3)
    await_true(holds(two, home))
    two.signal(signal.SIGSTOP)  # a laptop that is closed
    assert set(hosts(answers)) == {"here"}
    home.has("desk-2", LOST)
    two.sleeps(0.2)
    two.signal(signal.SIGCONT)
    home.has("desk-2", UP)
    assert "desk-2" in hosts(home.ask(6))
    assert [each["host"] for each in home.events("machine.lost")] == ["desk-1", "desk-2"]
    assert [each["host"] for each in home.events("machine.back")] == ["desk-2"]
    moved = {(each["from"], each["source"]) for each in home.events("photo.moved")}
    assert moved == {("desk-1", "/in/a.jpg"), ("desk-2", "/in/a.jpg")}
    assert two.stop() == 0


def test_a_broker_that_dies_is_a_pause(home: Home, worker: Hire, broker: Broker) -> None:
    """Masks are made here meanwhile, also when it comes back without a memory."""
    one = worker("desk-1", sleep_s=0.2, priority=0).start()
    home.has()
    one.sleeps(1000)
    answers = home.ask(3)
    await_true(holds(one, home))
    broker.kill()
    assert set(hosts(answers)) == {"here"}
    assert home.events("broker.lost")
    one.kill()
    broker.forget()
    broker.start()
    await_true(lambda: home.events("broker.back"))
    one.sleeps(0.2)
    one.start()
    await_true(lambda: home.events("machine.joined"))
    home.has()
    await_true(lambda: "desk-1" in hosts(home.ask(3)))


def test_a_link_that_dies_is_opened_again(home: Home, worker: Hire) -> None:
    """What was out is asked again, by another run that the worker has to know first."""
    one = worker("desk-1", sleep_s=0.2, priority=0).start()
    home.has()
    one.sleeps(2)
    answers = home.ask(3)
    await_true(holds(one, home))
    link = home.inference._link
    assert link is not None
    os.kill(link.pids()[0], signal.SIGKILL)
    hosts(answers)
    assert home.events("link.ended")
    one.sleeps(0.2)
    home.has()
    await_true(lambda: "desk-1" in hosts(home.ask(3)))
