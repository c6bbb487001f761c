"""What `nobgd.cluster.link` is to home and worker, over an invented connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from faults.virtual.broker import Broker, Pull
from faults.virtual.clock import Loop
from faults.virtual.connection import Connection, Network
from nobgd.cluster.link import Heard, Lost, Pulled, Unheard


class VirtualLink:
    """`nobgd.cluster.link.Link` over such a connection."""

    longest = 8 << 20

    def __init__(self, connection: Connection) -> None:
        self._connection, self._broker = connection, connection.broker

    def _up(self, what: Callable[..., Any], *arguments: Any) -> None:
        if not self._connection.open["down"]:
            raise Lost("the connection has ended")
        self._connection.send("up", what, *arguments)

    async def ended_within(self, seconds: float) -> str | None:
        done, _ = await asyncio.wait([self._connection.ended], timeout=seconds)
        return self._connection.ended.result() if done else None

    async def close(self) -> None:
        self._connection.end("closed")

    async def publish(self, subject: str, data: bytes = b"") -> None:
        self._up(self._broker.publish, subject, data)

    async def ask(self, subject: str, data: bytes, within_s: float) -> bytes:
        future = self._connection.client.create_future()
        box = f"reply {id(future)}.{next(self._broker.ticket)}"

        def answered(*_: Any) -> None:
            if not future.done():
                future.set_result(b"")

        def say() -> None:
            self._broker.listen(self._connection, box, answered)
            if not self._broker.publish(subject, data, box):
                self._connection.send("down", nobody)

        def nobody() -> None:
            if not future.done():
                future.set_exception(Unheard("nats: no responders available for request"))

        self._up(say)
        try:
            return await asyncio.wait_for(future, within_s)
        except TimeoutError:
            raise Unheard("nobody answered") from None
        finally:
            if self._connection.open["down"]:
                self._connection.send("up", self._broker.listeners.pop, box, None)

    async def listen(
        self, subject: str, heard: Callable[[Heard], Coroutine[Any, Any, None]]
    ) -> None:
        queue: list[Heard] = []

        async def work() -> None:
            while queue:
                await heard(queue[0])
                queue.pop(0)

        def take(name: str, data: bytes, reply: str) -> None:
            queue.append(Heard(name, reply, data))
            if len(queue) == 1:
                self._connection.client.start(work())

        self._up(self._broker.listen, self._connection, subject, take)

    # --- questions -------------------------------------------------------------------------

    async def _call(self, what: Callable[[], Any]) -> Any:
        """Have the broker do it, and wait for what it says."""
        future = self._connection.client.create_future()

        def answered(found: Any) -> None:
            if not future.done():
                future.set_result(found)

        self._up(lambda: self._connection.send("down", answered, what()))
        try:
            return await asyncio.wait_for(future, 5.0)
        except TimeoutError:
            raise Unheard("nobody answered") from None

    async def prepare(self, _: dict[str, Any], consumers: list[dict[str, Any]]) -> None:
        leases = {_recipe(each["filter_subject"]): each["ack_wait"] / 1e9 for each in consumers}
        await self._call(lambda: self._broker.consumers.update(leases))

    async def store(self, subject: str, data: bytes) -> int:
        number = await self._call(lambda: self._broker.keep(_recipe(subject), data))
        if number is None:
            raise Unheard("there is no such stream")
        return int(number)

    async def withdraw(self, _: str, number: int) -> None:
        self._up(self._broker.withdraw, number)

    async def pull(self, where: str, priority: int, within_s: float) -> Pulled | None:
        connection = self._connection
        future = connection.client.create_future()

        def take(found: Pulled | None) -> None:
            if not future.done():
                future.set_result(found)

        pull = Pull(connection, self._broker.world.now + within_s, take)
        self._up(self._broker.pull, _recipe(where), priority, pull)
        connection.waiting.add(future)
        try:
            found: Pulled | None = await asyncio.wait_for(future, within_s + 1.0)
        except TimeoutError:
            return None
        finally:
            connection.waiting.discard(future)
            if connection.open["down"]:
                connection.send("up", setattr, pull, "over", True)
        if found is None:
            await asyncio.sleep(0.05)
        return found

    async def renew(self, pulled: Pulled) -> None:
        self._up(self._broker.renew, int(pulled.reply))

    async def done(self, pulled: Pulled) -> None:
        self._up(self._broker.remove, int(pulled.reply))


def _recipe(subject: str) -> str:
    """Of a question, or of the consumer of those."""
    return subject.rpartition(".")[2].removeprefix("t")


async def dial(broker: Broker, network: Network, client: Loop) -> Any:
    """A new connection.  Raises `Lost`."""
    connection = Connection(broker, network, client)
    future = client.create_future()

    def met() -> None:
        if broker.up:
            broker.connections.add(connection)
            connection.send("down", known)
        else:
            client.after(broker.delay(), connection.end, "refused")

    def known() -> None:
        if not future.done():
            future.set_result(None)

    # a broker that is down takes nothing but this
    broker.after(broker.delay(), met) if not network.cut else connection.end("no route")
    try:
        await asyncio.wait([future, connection.ended], timeout=5.0,
                           return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
    finally:
        if not future.done():
            connection.end("nobody answered")
    if not future.done():
        raise Lost("the broker cannot be reached")
    return VirtualLink(connection)
