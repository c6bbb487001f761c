"""A machine with a worker: `nobgd.machines.worker` as it is, its model a pause and a sum."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from faults.virtual.broker import Broker
from faults.virtual.clock import Loop, World
from faults.virtual.connection import Network
from faults.virtual.link import dial
from nobgd.cluster import frames, probe, subjects
from nobgd.cluster.join import Join
from nobgd.cluster.link import Heard
from nobgd.cluster.words import Order, Wanted
from nobgd.machines.settings import Settings
from nobgd.machines.thinking import Mask
from nobgd.machines.worker import Worker
from nobgd.values import Code, NobgdError

DAY_S = 86_400.0
SIDE = 4  # of pictures
TEST_PICTURE = probe.picture(SIDE)
_BEGUN_S = 0.1  # after an order to drain what had arrived may still be begun


class _Weights:
    engine = "onnxruntime"


class Model:
    """What `nobgd.machines.thinking.Models` is to a worker."""

    def __init__(self, machine: Machine, wanted: list[Wanted]) -> None:
        self.wanted, self.machine = wanted, machine
        self.lacks: dict[str, str] = {}
        self.ready = [each.recipe for each in wanted]
        self.weights = dict.fromkeys(self.ready, _Weights)
        self.seats, self.engine, self.pool = machine.seats, "onnxruntime", self

    def seconds(self, _: str, shown: bytes) -> float:
        """How long the next mask takes."""
        machine = self.machine
        since, now = machine.draining_since, machine.loop.time()
        if since is not None and now > since + _BEGUN_S and shown != TEST_PICTURE:
            machine.world.wrong.append(f"{machine.host} drains and has begun another question")
        return machine.chance.expovariate(1 / machine.pace_s) + machine.hangs_s

    def mask(self, _: str, shown: bytes) -> Mask:
        """Every third byte."""
        if self.machine.fails:
            raise NobgdError(Code.INTERNAL, "its model could not be run")
        data = shown[::3]
        return Mask(data[:-1] if self.machine.lies else data, 0.75, 1)

    def close(self) -> None:
        """There is nothing to end."""


class _Watched(Worker):
    def __init__(self, machine: Machine, *rest: Any) -> None:
        super().__init__(*rest)
        self._machine = machine

    async def _heard(self, heard: Heard) -> None:
        await super()._heard(heard)
        self._machine.heard()


class Machine:
    """Switched on, killed, put to sleep, cut off, drained, and broken in the head."""

    def __init__(
        self, world: World, broker: Broker, number: int, chance: random.Random,
        priority: int | None = None,
    ) -> None:  # fmt: skip
        self.world, self.broker, self.chance = world, broker, chance
        self.host = f"desk-{number}"
        self.seats = chance.choice((1, 1, 1, 2, 4))
        drawn = chance.choice((0, 3, 5, 5, 5, 9))
        self.priority = drawn if priority is None else priority
        self.pace_s = chance.uniform(0.1, 0.5)
        self.network = Network()
        self.hangs_s, self.fails, self.lies = 0.0, False, False
        self.draining_since: float | None = None
        self.loop: Loop
        self.worker: Worker
        self.switch_on()

    def switch_on(self) -> None:
        self.hangs_s, self.fails, self.lies = 0.0, False, False
        self.draining_since = None
        self.loop = loop = Loop(self.world, self.chance.uniform(-DAY_S, DAY_S), self.host)  # type: ignore[abstract]
        join = Join(self.host, "tls://nas:4222", self.host, "", "")

        async def reach(*_: Any) -> Any:
            return await dial(self.broker, self.network, loop)

        settings = Settings(join=Path("x"), priority=self.priority, cache_dir=Path("x"))

        def make(_: Settings, wanted: list[Wanted]) -> Any:
            return Model(self, wanted)

        self.worker = _Watched(self, settings, join, lambda *_: None, reach, make)
        loop.start(self.worker.run())

    def kill(self, seconds: float) -> None:
        """SIGKILL or a plug that is pulled; on again after so long."""
        if not self.loop.alive:
            return
        self.loop.kill()
        for each in list(self.network.connections):
            each.stopped()
        self.broker.after(seconds, self._on)

    def _on(self) -> None:
        if not self.loop.alive:
            self.switch_on()

    def stop(self, seconds: float) -> None:
        """SIGTERM: it finishes what it has; on again after so long."""
        if self.loop.alive and not self.loop.asleep:
            self.loop.after(0.0, self.worker.stop)
            self.draining_since = self.loop.time()
            self.broker.after(seconds, self.kill, 1.0)

    def sleep(self, seconds: float) -> None:
        if self.loop.alive:
            self.loop.sleep(seconds)
            for each in list(self.network.connections):
                each.stopped()

    def drain(self, *, drain: bool) -> None:
        """By order of somebody at home."""
        self.broker.publish(subjects.cast(self.host), frames.pack(Order(drain=drain)))

    def heard(self) -> None:
        """It was told something."""
        if not self.worker._draining:
            self.draining_since = None
        elif self.draining_since is None:
            self.draining_since = self.loop.time()
