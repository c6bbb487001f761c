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
from faults.house import House, children

LINK = "nobgd.machines.process"


def sleepy(house: House, seconds: float) -> None:
    """Let the model of a house sleep for each picture; see `cluster.sleeper`."""
    file = house.root / "home.sleep"
    file.write_text(str(seconds))
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


def drop(folder: Path, name: str, data: bytes) -> None:
    """A whole file, all at once, in the place of what has that name."""
    temp = folder / f".{name}.part"
    temp.write_bytes(data)
    os.rename(temp, folder / name)
