"""A house whose photos other machines do, too, and what SIGKILL can end of it all."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

from cluster.broker import TESTS, Broker, Worker
from cluster.sleepy import mounted
from faults.changing import Photos
from faults.house import House, Stuck, children, temps, until
from nobgd.fs import whole

LINK = "nobgd.machines.process"
APART = ("broker", "there", "home.sleep", "calls")  # in a house's folder, and not its own
_LEASE_S, _DEADLINE_S = 3, 20
SWEPT_S = 2 * (_DEADLINE_S + 2 * _LEASE_S) + 10.0  # a temp is too young for one sweep at most
_CALM_S, _TRICKLE_S = 20.0, 0.4


def sleepy(house: House, seconds: float) -> None:
    """Let the model of a house sleep for each picture; see `cluster.sleeper`."""
    file = house.root / "home.sleep"
    whole.write(file, str(seconds).encode())  # a model may be reading it
    house.program = "cluster.sleeper"
    house.environment = {"PYTHONPATH": TESTS, "SLEEP_FILE": str(file), "RAW": "1"}


class Machines:
    """The house, its broker and its workers; what is killed is started again a moment later."""

    def __init__(self, house: House, broker: Broker, *workers: Worker) -> None:
        self.house, self.broker = house, broker
        self.workers = {each.host: each for each in workers}

    def hire(self) -> None:
        """Start the workers."""
        for each in self.workers.values():
            each.start()

    def sleep(self, seconds: float) -> None:
        """The models of home and workers, for each picture."""
        sleepy(self.house, seconds)
        for each in self.workers.values():
            each.sleeps(seconds)

    def swept(self) -> list[str]:
        """I4: what a kill has left in the outbox is old enough for a sweep at last."""
        outbox = self.house.outbox
        try:
            until(lambda: not temps(outbox), SWEPT_S, "temporary files are swept")
        except Stuck as stuck:
            return [f"I4: {stuck}: {temps(outbox)}"]
        return []

    def close(self) -> None:
        """Kill them all."""
        self.house.kill()
        for worker in self.workers.values():
            if worker.process is not None:
                worker.kill()
        self.broker.kill()

    def kill(self, victim: str, chance: random.Random) -> int:
        """Kill a worker by its name, "broker", "link", "supervisor", or a worker's "lane".

        0 where there was none to kill.
        """
        pause_s = chance.uniform(0.0, 0.5)
        match victim:
            case "broker":
                self.broker.kill()
                time.sleep(pause_s)
                if chance.random() < 0.3:
                    self.broker.forget()
                self.broker.start()
            case "supervisor":
                self.house.kill()
                time.sleep(pause_s)
                self.house.start()
            case "link":
                assert self.house.process is not None
                return _end(children(self.house.process.pid, LINK))
            case "lane":
                worker = self.workers[chance.choice(sorted(self.workers))]
                assert worker.process is not None
                lanes = children(worker.process.pid)
                return _end([chance.choice(lanes)] if lanes else [])
            case _:
                self.workers[victim].kill()
                time.sleep(pause_s)
                self.workers[victim].start()
        return 1


def _end(pids: list[int]) -> int:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return min(1, len(pids))


def elsewhere(house: House) -> Counter[str]:
    """How many "masks" and whole "photos" other machines have made so far."""
    return house.listen().elsewhere


def sharing(
    root: Path, *hosts: str, cache: Path | None = None, there: Path | None = None, lanes: int = 2,
    deadline_s: int = _DEADLINE_S,
) -> Machines:  # fmt: skip
    """A house and workers that have its folders under other paths; the models of all sleep.

    ``there``: where the workers have them, in and out; links to the house's are made if None.
    """
    cache = cache or root.parent / "cache"
    broker = Broker(root / "broker", *hosts).start()
    cluster = {
        "join": str(broker.home), "shares": {"in": "in", "out": "out"}, "lease_s": _LEASE_S,
    }  # fmt: skip
    house = House(
        root, cache, cluster=cluster,
        workers={"count": lanes, "infer": 1, "threads": 1, "deadline_s": deadline_s},
    )  # fmt: skip
    sleepy(house, 0.1)
    if there is None:
        shares = mounted(house, root / "there")
    else:
        shares = {name: str(there / name) for name in ("in", "out")}
    workers = [
        Worker(broker, host, cache, sleep_s=0.1, priority=0, shares=shares) for host in hosts
    ]
    return Machines(house, broker, *workers)


def calm(photos: Photos, limit_s: float = _CALM_S) -> None:
    """Drop photos until another machine has done one, as it does once it has shown the folders."""
    house = photos.house
    before, end = elsewhere(house)["photos"], time.monotonic() + limit_s
    while elsewhere(house)["photos"] == before and time.monotonic() < end:
        photos.add()
        time.sleep(_TRICKLE_S)
