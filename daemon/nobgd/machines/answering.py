"""A worker's questions: each to its mask, its lease renewed meanwhile, its answer handed over."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from nobgd.cluster import frames, subjects
from nobgd.cluster.link import Link, Lost, Pulled, Unheard
from nobgd.cluster.words import LARGEST, Answer, Question
from nobgd.machines.thinking import Models
from nobgd.pool.mishaps import GoneAway
from nobgd.values import NobgdError

_RECEIPT_S = 2.0
_RECEIPTS = 3
_MOST_DELIVERIES = 5  # then it is to blame itself for what became of the machines before
_UNSENT = 64  # answers that are kept for the next connection


class Answering:
    """What is at work, and what could not be handed over yet."""

    def __init__(
        self, name: str, models: Callable[[], Models | None], link: Callable[[], Link | None],
        lease_s: Callable[[str], float], is_gone: Callable[[str], bool],
    ) -> None:  # fmt: skip
        """``models`` and ``link`` are those of now; ``lease_s`` is a run's of a home.

        ``is_gone``: that run of a home says nothing any more, so nobody waits for an answer.
        """
        self._name, self._models, self._link, self._lease_s = name, models, link, lease_s
        self.is_gone = is_gone
        self._unsent: deque[tuple[str, bytes]] = deque(maxlen=_UNSENT)
        self.working: set[asyncio.Task[None]] = set()
        self.answered = 0

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Something that a stop waits for."""
        task = asyncio.create_task(work)
        self.working.add(task)
        task.add_done_callback(self.working.discard)
        return task

    async def work(self, link: Link, recipe: str, pulled: Pulled) -> None:
        """One question to its mask; handing that over is for another task."""
        try:
            asked, shown = frames.unpack(Question, pulled.data, LARGEST)
        except frames.Broken:
            asked = None
        if asked is None or self.is_gone(asked.home):
            with contextlib.suppress(Lost):
                await link.done(pulled)
            return
        subject = subjects.answer(asked.home, self._name)
        renewing = asyncio.create_task(self._renew(link, subject, asked, pulled))
        try:
            answer, mask = await self._think(asked, recipe, shown, pulled.delivery)
        except BaseException:
            renewing.cancel()
            raise
        self.begin(self._finish(link, subject, frames.pack(answer, mask), pulled, renewing))

    async def _finish(
        self, link: Link, subject: str, data: bytes, pulled: Pulled, renewing: asyncio.Task[None]
    ) -> None:
        """Hand an answer over, then take its question off the queue."""
        try:
            await self.deliver(subject, data)
        finally:
            renewing.cancel()
        with contextlib.suppress(Lost):
            await link.done(pulled)
        self.answered += 1

    async def _renew(self, link: Link, subject: str, asked: Question, pulled: Pulled) -> None:
        """Keep the lease, and tell home that somebody is at it, three times in each."""
        lease_s = self._lease_s(asked.home)
        sign = Answer(id=asked.id, recipe=asked.recipe, began=True, delivery=pulled.delivery)
        with contextlib.suppress(Lost):
            while True:
                await link.publish(subject, frames.pack(sign))
                await asyncio.sleep(lease_s / 3)
                await link.renew(pulled)

    async def _think(
        self, asked: Question, recipe: str, shown: bytes, delivery: int = 1
    ) -> tuple[Answer, bytes]:
        """A mask, or why there is none."""
        loop = asyncio.get_running_loop()
        models, began = self._models(), loop.time()
        failed = None
        if models is None or recipe not in models.ready or asked.recipe != recipe:
            failed = "no such model here"
        elif delivery >= _MOST_DELIVERIES:
            failed = f"{delivery - 1} machines got it and none answered"
        else:
            try:
                mask = await loop.run_in_executor(models.pool, models.mask, recipe, shown)
            except (NobgdError, GoneAway, ValueError, OSError, RuntimeError) as error:
                failed = str(error) or "the model process has ended"
            else:
                took_ms = (loop.time() - began) * 1000
                answer = Answer(
                    id=asked.id, recipe=recipe, confidence=mask.confidence, ran=mask.ran,
                    engine=models.weights[recipe].engine, took_ms=took_ms, delivery=delivery,
                )  # fmt: skip
                return answer, mask.data
        return Answer(id=asked.id, recipe=asked.recipe, failed=failed[:400], delivery=delivery), b""

    async def prove(self, asked: Question, shown: bytes) -> None:
        """The test picture: it comes by itself, and is answered like any other."""
        answer, mask = await self._think(asked, asked.recipe, shown)
        await self.deliver(subjects.answer(asked.home, self._name), frames.pack(answer, mask))

    async def deliver(self, subject: str, data: bytes) -> None:
        """Hand an answer over until home says that it has it, or is no more."""
        for _ in range(_RECEIPTS):
            link = self._link()
            try:
                if link is not None:
                    await link.ask(subject, data, _RECEIPT_S)
                    return
                break
            except Lost:
                break
            except Unheard as error:
                if "no responders" in str(error):
                    return  # that run of home has ended
        self._unsent.append((subject, data))

    async def deliver_kept(self) -> None:
        """There is another connection: what the last one did not take."""
        for _ in range(len(self._unsent)):
            if self._unsent:  # else the connection after it has taken the rest
                await self.deliver(*self._unsent.popleft())
