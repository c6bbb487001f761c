"""Cables and the connections over them.

A connection keeps order, loses nothing while it lasts, and delivers late; what is said while a
direction is cut waits until it is whole again or either end gives up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from faults.virtual.clock import Loop
from nobgd.cluster.link import Lost

if TYPE_CHECKING:
    from faults.virtual.broker import Broker

_PING_S = (6.0, 9.0)  # after which an end knows that the other does not answer
_SERVER_PING_S = (10.0, 15.0)


class Network:
    """A machine's cable."""

    def __init__(self) -> None:
        self.cut: set[str] = set()  # directions: "up", "down"
        self.connections: set[Connection] = set()

    def sever(self, *directions: str) -> None:
        self.cut = set(directions)
        for each in list(self.connections):
            each.severed()

    def heal(self) -> None:
        self.cut = set()
        for each in list(self.connections):
            each.healed()


class Connection:
    """One of TCP."""

    def __init__(self, broker: Broker, network: Network, client: Loop) -> None:
        self.broker, self.network, self.client = broker, network, client
        self.open = {"up": True, "down": True}  # "up": the broker's end takes, "down": the client's
        self._last = {"up": 0.0, "down": 0.0}
        self._held: dict[str, list[tuple[Callable[..., Any], tuple[Any, ...]]]] = {
            "up": [], "down": [],
        }  # fmt: skip
        self.ended: asyncio.Future[str] = client.create_future()
        self.waiting: set[asyncio.Future[Any]] = set()  # pulls, which the end ends
        network.connections.add(self)

    def send(self, way: str, what: Callable[..., Any], *arguments: Any) -> None:
        if (way == "up" and not self.client.alive) or not any(self.open.values()):
            return
        if way in self.network.cut:
            self._held[way].append((what, arguments))
            return
        world, process = self.broker.world, self.broker if way == "up" else self.client
        last = self._last[way] = max(self._last[way], world.now + self.broker.delay())
        process.after(last - world.now, self._arrive, way, what, arguments)

    def _arrive(self, way: str, what: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        if self.open[way] and (way == "down" or self in self.broker.connections):
            what(*arguments)

    def severed(self) -> None:
        chance = self.broker.chance
        self.client.after(chance.uniform(*_PING_S), self._client_looks)
        self.broker.after(chance.uniform(*_SERVER_PING_S), self._server_looks)

    def _client_looks(self) -> None:
        if self.network.cut:
            self.end("it does not answer")

    def _server_looks(self) -> None:
        if self.network.cut or self.client.asleep or not self.client.alive:
            self.broker.closed(self)

    def stopped(self) -> None:
        """Its client sleeps, or has been killed; the system shuts what a dead process had open."""
        if not self.client.alive:
            self.network.connections.discard(self)
        if self.client.alive or self.network.cut:
            self.broker.after(self.broker.chance.uniform(*_SERVER_PING_S), self._server_looks)
        else:
            self.broker.after(self.broker.delay(), self.broker.closed, self)

    def healed(self) -> None:
        if not self.open["up"]:
            self.client.after(self.broker.delay(), self.end, "the broker closed the connection")
        for way, held in self._held.items():
            self._held[way] = []
            for what, arguments in held:
                self.send(way, what, *arguments)

    def end(self, why: str) -> None:
        """The client's end."""
        if not self.open["down"]:
            return
        self.open["down"] = False
        self.network.connections.discard(self)
        if not self.ended.done():
            self.ended.set_result(why)
        for each in list(self.waiting):
            if not each.done():
                each.set_exception(Lost(why))
        if not self.network.cut:
            self.broker.after(self.broker.delay(), self.broker.closed, self)
