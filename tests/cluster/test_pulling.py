"""A worker pulls while it may, and not a question longer."""

from __future__ import annotations

import asyncio
from typing import Any

from nobgd.cluster.link import Pulled
from nobgd.machines.answering import Answering
from nobgd.machines.pulling import Pulling


class Link:
    """A broker's questions, waited for as the client of NATS waits."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[Pulled] = asyncio.Queue()

    async def pull(self, *_: Any) -> Pulled:
        return await asyncio.wait_for(self.waiting.get(), 5.0)

    async def done(self, _: Pulled) -> None:
        """It was no question that can be read."""


def _one_seat(link: Any) -> Pulling:
    """Of a worker that has no models yet: what it pulls it cannot read."""
    at = Answering("desk-1", lambda: None, lambda: link, lambda _: 30.0, lambda _: False)
    pulling = Pulling(at, lambda: link, 5, lambda *_: None)
    pulling.seat(1)
    return pulling


def test_a_question_on_its_way_in_is_the_last_one() -> None:
    """It arrives in the very moment in which the worker begins to drain."""

    async def work() -> int:
        link: Any = Link()
        pulling = _one_seat(link)
        pulling.pull_for({"0a1b2c3d"})
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        link.waiting.put_nowait(Pulled(b"", "", 1))
        await asyncio.sleep(0)
        link.waiting.put_nowait(Pulled(b"", "", 1))
        pulling.cancel()
        await asyncio.sleep(1.0)
        left: int = link.waiting.qsize()
        return left

    assert asyncio.run(work()) == 1


def test_a_seat_goes_round_among_the_recipes() -> None:
    """A question of the second is not kept waiting for as long as the first has none."""

    class Both(Link):
        """Asked for the first there is never anything."""

        async def pull(self, subject: str, _: int, wait_s: float) -> Pulled | None:  # type: ignore[override]
            if "0a1b2c3d" in subject:
                await asyncio.sleep(wait_s)
                return None
            return await super().pull()

    async def took_s() -> float:
        link: Any = Both()
        pulling = _one_seat(link)
        link.waiting.put_nowait(Pulled(b"", "", 1))
        loop = asyncio.get_running_loop()
        began = loop.time()
        pulling.pull_for({"0a1b2c3d"})
        pulling.pull_for({"0a1b2c3d", "4e5f6a7b"})
        while link.waiting.qsize() and loop.time() - began < 4:
            await asyncio.sleep(0.01)
        pulling.cancel()
        return loop.time() - began

    assert asyncio.run(took_s()) < 4
