"""Each part is killed, cut off or put to sleep at every step of a question's way, in virtual time.

Four photos are asked of two machines.  All that happens from the first question until the broker
has forgotten the last one is a list of steps: a callback of home's, the link's or a worker's loop,
a message that arrives, a timer.  At each of them each accident happens once.  Code and invariants
are those of the row `thousand`; besides, all is done within a minute, whatever it was.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faults.virtual.broker import Broker
from faults.virtual.clock import Process, World
from faults.virtual.connection import Network
from faults.virtual.machine import Machine
from faults.virtual.supervisor import Supervisor

NAME, TITLE = "every_step", "an accident of each kind at every step of a question, in virtual time"
ACCIDENTS = ("worker killed", "worker asleep", "worker cut off", "link killed",
             "supervisor killed", "home asleep", "home cut off", "broker killed",
             "broker wiped")  # fmt: skip
_STEPS, _STRIDE = 240, 127  # more than there are; so that few of them are spread over all
_RUNS = 5  # in each of which things come in another order
FULL, SHORT = _RUNS * _STEPS * len(ACCIDENTS), 90
_PORTION = 450
_PHOTOS, _MACHINES = 4, 2
_SHORT_S, _LONG_S = 0.5, 13.0  # until it is started again; longer than any lease
_MOST_S = 60.0


def rounds(_: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Accidents start … stop; yields (next number, violations, counts)."""
    while start < stop:
        end = min(start + _PORTION, stop)
        wrong: list[str] = []
        seen = Counter[str]()
        for number in range(start, end):
            before, kind = divmod(number, len(ACCIDENTS))
            run, turn = divmod(before, _STEPS)
            scene = Scene(seed * 1_000_003 + run, turn * _STRIDE % _STEPS, ACCIDENTS[kind])
            wrong += [f"{number}, {ACCIDENTS[kind]}: {each}" for each in scene.play(seen)]
        yield end, wrong, seen
        start = end


class Scene:
    """A home and two machines that are faster."""

    def __init__(self, seed: int, step: int, kind: str) -> None:
        self.chance = random.Random(seed)
        self.step, self.kind = step, kind
        self.world = World()
        self.broker = Broker(self.world, self.chance)
        self.network = Network()
        self.todo, self.booked = deque[int](), bytearray(_PHOTOS)
        self.told = Counter[str]()
        self.machines = [
            Machine(self.world, self.broker, each, self.chance, priority=0)
            for each in range(_MACHINES)
        ]  # fmt: skip
        self.home = self._open()
        self.since, self.broken = 0, False  # steps before the first question

    def _open(self) -> Supervisor:
        return Supervisor(self.world, self.broker, self.network, self.chance, self.todo,
                          self.booked, _PHOTOS, self.told)  # fmt: skip

    def play(self, seen: Counter[str]) -> list[str]:
        """To its end; what must not be."""
        world, wrong = self.world, self.world.wrong
        seats = sum(each.seats for each in self.machines)
        world.run(lambda: self.home.elsewhere.seats == seats, 30.0, self._check)
        self.todo.extend(range(_PHOTOS))
        for _ in range(_PHOTOS):
            self.home.after(0.0, self.home.begin)
        self.since, began = world.steps, world.now
        try:
            world.run(lambda: bool(wrong) or self._over(), began + _MOST_S, self._check)
            if not wrong and not self._over():
                wrong.append(f"{_PHOTOS - sum(self.booked)} photos were not done within a minute,"
                             f" the broker keeps {len(self.broker.stored)}")  # fmt: skip
            seen[self.kind if self.broken else "all was over before"] += 1
            seen["seconds of virtual time"] += int(world.now)
        finally:
            self.home.die()
            for each in self.machines:
                each.loop.kill()
        return wrong

    def _over(self) -> bool:
        return 0 not in self.booked and not self.broker.stored

    def _check(self) -> None:
        if self.home.alive:
            self.home.check()
        if self.since and not self.broken and self.world.steps - self.since >= self.step:
            self.broken = True
            self._break()

    def _break(self) -> None:
        one, kind = self.machines[0], self.kind
        if kind == "worker killed":
            one.kill(_SHORT_S)
        elif kind == "worker asleep":
            one.sleep(_LONG_S)
        elif kind == "link killed":
            self.home.line.kill(_SHORT_S)
        elif kind == "supervisor killed":
            self.home.die()
            Process(self.world).after(_SHORT_S, self._again)
        elif kind == "home asleep":
            self.home.doze(_LONG_S)
        elif kind.startswith("broker"):
            self.broker.crash(_SHORT_S, wiped=kind == "broker wiped")
        else:
            cable = one.network if kind == "worker cut off" else self.network
            cable.sever("up", "down")
            Process(self.world).after(_LONG_S, cable.heal)

    def _again(self) -> None:
        self.home = self._open()
