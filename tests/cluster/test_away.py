"""Whatever dies, every question gets one mask: broker, workers and link are real, models sleep."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from cluster.broker import Broker, Worker, await_true
from cluster.home import Home, holds, hosts
from nobgd.values.machine import LOST, UP

Hire = Callable[..., Worker]


def test_machines_come_and_go(home: Home, worker: Hire) -> None:
    """Two of them and this one share the work; what a dead or a sleeping one had is done elsewhere.

    The sleeper's answer comes when nobody waits for it any more, and it gets work again.
    """
    one = worker("desk-1", sleep_s=0.2).start()
    two = worker("desk-2", sleep_s=0.2).start()
    home.has("desk-1")
    home.has("desk-2")
    seen: set[str] = set()

    def all_answered() -> bool:
        seen.update(hosts(home.ask(6)))
        return len(seen) == 3

    await_true(all_answered)
    assert seen == {"desk-1", "desk-2", "here"}

    one.sleeps(1000)
    answers = home.ask(6)
    await_true(holds(one, home))
    one.kill()  # switched off
    assert "desk-1" not in hosts(answers)
    home.has("desk-1", LOST)

    two.sleeps(15)
    answers = home.ask(3)
    await_true(holds(two, home))
    two.signal(signal.SIGSTOP)  # a laptop that is closed
    assert set(hosts(answers)) == {"here"}
    home.has("desk-2", LOST)
    two.sleeps(0.2)
    two.signal(signal.SIGCONT)
    home.has("desk-2", UP)
    await_true(lambda: "desk-2" in hosts(home.ask(3)))
    gone = {each["host"]: each["why"] for each in home.events("machine.lost")}
    assert gone == dict.fromkeys(("desk-1", "desk-2"), "it says nothing any more")
    assert [each["host"] for each in home.events("machine.back")] == ["desk-2"]
    moved = {(each["from"], each["source"]) for each in home.events("photo.moved")}
    assert moved == {("desk-1", "/in/a.jpg"), ("desk-2", "/in/a.jpg")}
    assert two.stop() == 0
    home.has("desk-2", LOST)
    assert home.events("machine.lost")[-1]["why"] == "it had finished and ended"


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
    assert home.inference.elsewhere is not None
    link = home.inference.elsewhere._link
    assert link is not None
    os.kill(link.pids()[0], signal.SIGKILL)
    hosts(answers)
    assert home.events("link.ended")
    one.sleeps(0.2)
    home.has()
    await_true(lambda: "desk-1" in hosts(home.ask(3)))


def test_a_broker_that_lost_its_memory_is_a_pause(home: Home, worker: Hire, broker: Broker) -> None:
    """Machines live on meanwhile: what they were at and what waited is done within a minute."""
    machines = [worker(host, sleep_s=0.2, priority=0).start() for host in ("desk-1", "desk-2")]
    for each in machines:
        home.has(each.host)
        each.sleeps(2)
    answers = home.ask(12)
    for each in machines:
        await_true(holds(each, home))
    broker.kill()
    broker.forget()
    assert not broker.folder.store.exists()
    began = time.monotonic()
    broker.start()
    made = hosts(answers)
    assert time.monotonic() - began < 60
    assert {"desk-1", "desk-2"} <= set(made)
    for each in machines:
        each.sleeps(0.1)
    await_true(lambda: {"desk-1", "desk-2"} <= set(hosts(home.ask(6))))
