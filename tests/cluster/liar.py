"""A machine that is let in and then says what no worker says."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from nobgd.cluster import frames, join, subjects
from nobgd.cluster.link import Heard, Link, Lost, Pulled, open_link
from nobgd.cluster.words import Answer, Cast, Hello, Question

Lie = Callable[["Liar", Question, bytes], Coroutine[Any, Any, None]]


class Liar:
    """By the broker's rights of one worker; what it does with a question is ``lie``."""

    def __init__(self, file: Path, lie: Lie, seats: int = 2) -> None:
        self.join = join.read(file)
        self.lies = 0
        self._lie, self._seats = lie, seats
        self._run = secrets.token_hex(8)
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()))
        self.link: Link

    def start(self) -> Liar:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._over.set()
        self._thread.join(20)

    async def say(self, asked: Question, data: bytes) -> None:
        """As its answer."""
        await self.link.publish(subjects.answer(asked.home, self.join.name), data)

    async def _work(self) -> None:
        self.link = await open_link(self.join, "liar")
        wanted: set[str] = set()

        async def hear(heard: Heard) -> None:
            if frames.is_kind(Cast, heard.data):
                cast, _ = frames.unpack(Cast, heard.data)
                wanted.update(each.recipe for each in cast.wanted)
            elif frames.is_kind(Question, heard.data):  # the test picture: it answers well
                asked, shown = frames.unpack(Question, heard.data, 1 << 24)
                answer = Answer(id=asked.id, recipe=asked.recipe, confidence=0.75)
                await self.say(asked, frames.pack(answer, shown[::3]))

        name = self.join.name
        await self.link.listen(subjects.cast(name), hear)
        pulls: dict[str, asyncio.Task[None]] = {}
        with contextlib.suppress(Lost):
            while not self._over.is_set():
                hello = Hello(
                    protocol=subjects.PROTOCOL, run=self._run, seats=self._seats, priority=0,
                    ready=sorted(wanted),
                )  # fmt: skip
                await self.link.publish(subjects.hello(name), frames.pack(hello))
                for recipe in wanted - set(pulls):
                    pulls[recipe] = asyncio.create_task(self._pull(recipe))
                await asyncio.sleep(0.2)
        for each in pulls.values():
            each.cancel()
        await self.link.close()

    async def _pull(self, recipe: str) -> None:
        while True:
            pulled: Pulled | None = await self.link.pull(subjects.next_question(recipe), 0, 2.0)
            if pulled is not None:
                asked, shown = frames.unpack(Question, pulled.data, 1 << 24)
                self.lies += 1
                await self._lie(self, asked, shown)
                await self.link.done(pulled)
