"""An invented broker: it keeps questions in memory and leases each to a machine that waits.

The machine of the lowest priority is first.  An answer may come twice, and a minute late.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from faults.virtual.clock import Process, World
from faults.virtual.connection import Connection
from nobgd.cluster import frames
from nobgd.cluster.link import Pulled
from nobgd.cluster.words import LARGEST, Question

_TWICE, _LATE_S = 0.01, 90.0  # share of answers that come again, and how late


@dataclass(slots=True)
class Stored:
    """A question that it keeps."""

    number: int
    recipe: str
    data: bytes
    deliveries: int = 0
    until: float = 0.0  # of its lease
    leased: bool = False


@dataclass(slots=True)
class Pull:
    """A machine that waits for one."""

    connection: Connection
    expires: float
    take: Callable[[Pulled | None], None]
    over: bool = False


class Broker(Process):
    """One that may be killed, and then has lost what it kept."""

    def __init__(self, world: World, chance: random.Random) -> None:
        super().__init__(world)
        self.chance = chance
        self.up = True
        self.twice = 0
        self.ticket = itertools.count()
        self.consumers: dict[str, float] = {}  # a recipe's lease
        self.awaited: Callable[[int], bool] = lambda _: False  # whether home waits for this one
        self.begin()

    def begin(self) -> None:
        """With an empty memory."""
        self.connections: set[Connection] = set()
        self.listeners: dict[str, list[tuple[Connection, Callable[..., None]]]] = defaultdict(list)
        self.stored: dict[int, Stored] = {}
        self.numbers = itertools.count(1)
        self.free: dict[str, list[int]] = defaultdict(list)
        self.pulls: dict[str, list[tuple[int, int, Pull]]] = defaultdict(list)

    def delay(self) -> float:
        return self.chance.uniform(0.0002, 0.002)

    def crash(self, seconds: float, *, wiped: bool) -> None:
        """SIGKILL, and a new start after so long."""
        ended, self.up = list(self.connections), False
        self.begin()
        if wiped:
            self.consumers.clear()
        for each in ended:
            each.open["up"] = False
            if not each.network.cut:
                each.client.after(self.delay(), each.end, "the broker closed the connection")
        self.after(seconds, self._start)

    def _start(self) -> None:
        self.up = True

    def closed(self, connection: Connection) -> None:
        """Its client is gone, as far as the broker knows."""
        connection.open["up"] = False
        self.connections.discard(connection)
        for subject, many in list(self.listeners.items()):
            many[:] = [each for each in many if each[0] is not connection]
            if not many:
                del self.listeners[subject]
        if connection.open["down"] and not connection.network.cut:
            connection.client.after(self.delay(), connection.end, "the broker closed it")

    # --- messages --------------------------------------------------------------------------

    def listen(self, connection: Connection, subject: str, take: Callable[..., None]) -> None:
        self.listeners[subject].append((connection, take))

    def publish(self, subject: str, data: bytes, reply: str = "") -> bool:
        """To all who listen; False: there are none."""
        wild = subject.rpartition(".")[0] + ".*"
        there = [*self.listeners.get(subject, ()), *self.listeners.get(wild, ())]
        for connection, take in there:
            connection.send("down", take, subject, data, reply)
        if ".done." in subject and self.chance.random() < _TWICE:
            self.twice += 1
            again = self.chance.choice((0.0, self.chance.uniform(0, _LATE_S)))
            self.after(again, self._again, subject, data)
        return bool(there)

    def _again(self, subject: str, data: bytes) -> None:
        for connection, take in self.listeners.get(subject.rpartition(".")[0] + ".*", ()):
            connection.send("down", take, subject, data, "")

    # --- questions -------------------------------------------------------------------------

    def keep(self, recipe: str, data: bytes) -> int | None:
        if recipe not in self.consumers:
            return None
        number = next(self.numbers)
        self.stored[number] = Stored(number, recipe, data)
        self._offer(recipe, number)
        return number

    def pull(self, recipe: str, priority: int, pull: Pull) -> None:
        if recipe not in self.consumers:
            pull.connection.send("down", pull.take, None)
            return
        heapq.heappush(self.pulls[recipe], (priority, next(self.ticket), pull))
        self._match(recipe)

    def _offer(self, recipe: str, number: int) -> None:
        heapq.heappush(self.free[recipe], number)
        self._match(recipe)

    def _match(self, recipe: str) -> None:
        free, pulls = self.free[recipe], self.pulls[recipe]
        while free and pulls:
            if free[0] not in self.stored:
                heapq.heappop(free)
                continue
            _, _, pull = heapq.heappop(pulls)
            if pull.over or pull.expires < self.world.now or not pull.connection.open["up"]:
                continue
            one = self.stored[heapq.heappop(free)]
            one.deliveries, one.leased = one.deliveries + 1, True
            self._lease(one)
            found = Pulled(one.data, str(one.number), one.deliveries)
            pull.connection.send("down", pull.take, found)

    def _lease(self, one: Stored) -> None:
        lease_s = self.consumers.get(one.recipe, 5.0)
        one.until = self.world.now + lease_s
        self.after(lease_s, self._expire, one, one.deliveries)

    def _expire(self, one: Stored, delivery: int) -> None:
        if self.stored.get(one.number) is not one or one.deliveries != delivery:
            return
        if one.until <= self.world.now and one.leased:
            one.leased = False
            self._offer(one.recipe, one.number)

    def renew(self, number: int) -> None:
        if (one := self.stored.get(number)) is not None and one.leased:
            self._lease(one)

    def withdraw(self, number: int) -> None:
        """As home asks; never one that it still waits for."""
        one = self.stored.pop(number, None)
        if one is not None and self.awaited(frames.unpack(Question, one.data, LARGEST)[0].id):
            self.world.wrong.append("a question was withdrawn for which somebody waits")

    def remove(self, number: int) -> None:
        self.stored.pop(number, None)
