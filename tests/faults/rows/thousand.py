"""A million photos on a thousand machines, in virtual time.

What asks, leases, answers, takes back, drains and admits is nobgd's own code as it runs in the
supervisor, the link process and the workers (`MaskQueue`, `Elsewhere`, `Away`, `Neighbours`,
`Home`, `Questions`, `Machines`, `Proving`, `Worker`, `Answering`); network, broker, models and
lanes are invented (`faults.virtual`).  Machines die, sleep, are cut off both ways or one, drain,
are slow, fail and lie; the broker dies or is wiped; answers come twice and a minute late; the link
process, the supervisor, a lane and the model process die; the home sleeps; clocks are up to two
days apart.

After each step: every photo that was asked for is in one place, no request ends twice, no photo is
booked twice, each mask is its photo's own, no machine that drains begins anything, home withdraws
nothing for which it waits, no attempt is burnt; four times a second: nothing is away for longer
than it may.  At the end: every photo is done, the broker keeps no question.  Seen red with: what
comes home stays out, what comes back is not put into the queue, no look for silence, drained
machines that go on, questions that are never taken off, identities that are used again.

``python -m faults.solo thousand 125000 FIRST`` repeats the portion that begins with FIRST.
"""

from __future__ import annotations

import gc
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

NAME, TITLE = "thousand", "a thousand machines in virtual time: deaths, sleep, cuts, lies"
FULL, SHORT = 1_000_000, 5_000
_PORTION = 125_000
_PER_MACHINE = 125  # photos of a portion
_LANES = 2.5  # for each machine
_CALM_S = 600.0  # of virtual time, for what is left when nothing breaks any more
_EVERY_S, _EVERY_BIG_S = 30.0, 6.0  # between two accidents of a machine, and of the middle


def rounds(_: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of photos, each in a world of its own; yields (next number, violations, counts)."""
    while start < stop:
        end = min(start + _PORTION, stop)
        scene = Scene(seed * 1_000_003 + start, end - start)
        wrong = scene.play()
        yield end, [f"{start} to {end}: {each}" for each in wrong[:20]], scene.seen
        start = end


class Scene:
    """One world, with a machine for each 125 photos."""

    def __init__(self, seed: int, photos: int) -> None:
        self.chance = chance = random.Random(seed)
        self.photos, self.seen = photos, Counter[str]()
        self.world = World()
        self.clock = Process(self.world)
        self.broker = Broker(self.world, chance)
        self.network = Network()
        self.todo, self.booked = deque(range(photos)), bytearray(photos)
        many = max(2, photos // _PER_MACHINE)
        self.lanes = int(many * _LANES) + 2
        self.machines = [Machine(self.world, self.broker, each, chance) for each in range(many)]
        self.home = self._open()
        self.breaking = True
        self.clock.after(5.0, self._break, _EVERY_S / many, self._small)
        self.clock.after(7.0, self._break, _EVERY_BIG_S, self._big)

    def _open(self) -> Supervisor:
        return Supervisor(self.world, self.broker, self.network, self.chance, self.todo,
                          self.booked, self.lanes, self.seen)  # fmt: skip

    def play(self) -> list[str]:
        """To its end; what must not be."""
        world, wrong = self.world, self.world.wrong
        gc.disable()  # what dies here is mostly known by itself
        try:
            world.run(lambda: bool(wrong) or not self.todo, 20_000.0, self._check)
            self.breaking = False  # what is broken is mended within half a minute
            world.run(lambda: bool(wrong) or 0 not in self.booked, world.now + _CALM_S, self._check)
            if not wrong and 0 in self.booked:
                wrong.append(f"{self.photos - sum(self.booked)} photos were lost")
            world.run(
                lambda: bool(wrong) or not self.broker.stored, world.now + _CALM_S, self._check
            )
            if not wrong and self.broker.stored:
                wrong.append(f"{len(self.broker.stored)} questions stay at the broker")
        finally:
            self.home.die()
            for each in self.machines:
                each.loop.kill()
            gc.enable()
            gc.collect()
        self.seen["photos"] += sum(self.booked)
        self.seen["steps"] += world.steps
        self.seen["seconds of virtual time"] += int(world.now)
        self.seen["answers that came again"] += self.broker.twice
        self.seen["machines"] += len(self.machines)
        return wrong

    def _check(self) -> None:
        if self.home.alive:
            self.home.check()

    def _break(self, every_s: float, what: Any) -> None:
        if self.breaking:
            what()
            self.clock.after(self.chance.expovariate(1 / every_s), self._break, every_s, what)

    def _small(self) -> None:
        """An accident of one machine."""
        chance = self.chance
        one, seconds = chance.choice(self.machines), chance.uniform(0.3, 30.0)
        kind = chance.choice(("killed", "killed", "asleep", "asleep", "cut off", "cut one way",
                              "drained", "stopped", "slow", "failing", "lying"))  # fmt: skip
        self.seen[f"machines {kind}"] += 1
        if kind == "killed":
            one.kill(seconds)
        elif kind == "asleep":
            one.sleep(seconds)
        elif kind in ("cut off", "cut one way"):
            ways = ("up", "down") if kind == "cut off" else (chance.choice(("up", "down")),)
            one.network.sever(*ways)
            self.clock.after(seconds, one.network.heal)
        elif kind == "drained":
            one.drain(drain=True)
            self.clock.after(seconds, lambda: one.drain(drain=False))
        elif kind == "stopped":
            one.stop(seconds)
        else:
            one.hangs_s = 60.0 if kind == "slow" else one.hangs_s
            one.fails, one.lies = kind == "failing", kind == "lying"
            self.clock.after(seconds, one.kill, 1.0)

    def _big(self) -> None:
        """An accident in the middle."""
        chance, home, seconds = (
            self.chance,
            self.home,
            self.chance.choice((0.3, 1.0, 3.0, 12.0)) * self.chance.random(),
        )
        kind = chance.choice(("broker killed", "broker wiped", "link killed", "supervisor killed",
                              "home asleep", "home cut off", "home cut one way", "lane killed",
                              "model process killed"))  # fmt: skip
        self.seen[kind] += 1
        if kind.startswith("broker"):
            if self.broker.up:
                self.broker.crash(seconds, wiped=kind == "broker wiped")
        elif kind.startswith("home cut"):
            ways = ("up", "down") if kind == "home cut off" else (chance.choice(("up", "down")),)
            self.network.sever(*ways)
            self.clock.after(2 * seconds, self.network.heal)
        elif not home.alive or home.asleep:
            return
        elif kind == "link killed":
            home.line.kill(seconds)
        elif kind == "supervisor killed":
            home.die()
            self.clock.after(seconds, self._again)
        elif kind == "home asleep":
            home.doze(2 * seconds)
        else:
            home.after(0.0, home.crash_lane if kind == "lane killed" else home.crash_model)

    def _again(self) -> None:
        self.home = self._open()
