"""A worker pulls while it may, and not a question longer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from nobgd.cluster.join import Join
from nobgd.cluster.link import Pulled
from nobgd.machines.settings import Settings
from nobgd.machines.worker import Worker


class Link:
    """A broker's questions, waited for as the client of NATS waits."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[Pulled] = asyncio.Queue()

    async def pull(self, *_: Any) -> Pulled:
        return await asyncio.wait_for(self.waiting.get(), 5.0)

    async def done(self, _: Pulled) -> None:
        """It was no question that can be read."""


def test_a_question_on_its_way_in_is_the_last_one() -> None:
    """It arrives in the very moment in which the worker begins to drain."""

    async def work() -> int:
        settings = Settings(join=Path("x"), cache_dir=Path("x"))
        worker = Worker(settings, Join("desk-1", "tls://nas:4222", "desk-1", "", ""), print)
        link: Any = Link()
        worker._link, worker._seats = link, asyncio.Semaphore(1)
        pulling = asyncio.create_task(worker._pull("0a1b2c3d"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        link.waiting.put_nowait(Pulled(b"", "", 1))
        await asyncio.sleep(0)
        link.waiting.put_nowait(Pulled(b"", "", 1))
        pulling.cancel()
        await asyncio.wait([pulling], timeout=1.0)
        left: int = link.waiting.qsize()
        pulling.cancel()
        return left

    assert asyncio.run(work()) == 1
