"""Answers that could not be handed over are kept for the next connection."""

from __future__ import annotations

import asyncio
from typing import Any

from nobgd.cluster import frames, subjects
from nobgd.cluster.link import Pulled
from nobgd.cluster.words import Question
from nobgd.machines.answering import Answering

HOME, GONE = "a" * 16, {"b" * 16}


class Link:
    """One that takes a moment for each answer."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.done_with = 0

    async def ask(self, subject: str, *_: Any) -> bytes:
        await asyncio.sleep(0)
        self.taken.append(subject)
        return b""

    async def publish(self, *_: Any) -> None:
        pass

    async def done(self, _: Pulled) -> None:
        self.done_with += 1


def test_two_connections_in_a_row_take_each_answer_once() -> None:
    """The second begins while the first is still at it."""

    async def work() -> list[str]:
        link: list[Any] = [None]
        at = Answering("desk-1", lambda: None, lambda: link[0], lambda _: 5.0, GONE.__contains__)
        for number in range(3):
            asked = Question(id=number, home=HOME, recipe="0a1b2c3d", side=4)
            await at.prove(asked, b"")  # there is no connection: it is kept
        link[0] = Link()
        await asyncio.gather(at.deliver_kept(), at.deliver_kept())
        taken: list[str] = link[0].taken
        return taken

    assert asyncio.run(work()) == [subjects.answer(HOME, "desk-1")] * 3


def test_a_question_of_a_home_that_is_gone_is_not_thought_about() -> None:
    """It goes without an answer; one of a home that speaks has one, if only that it failed."""

    async def work(run: str) -> Link:
        link: Any = Link()
        at = Answering("desk-1", lambda: None, lambda: link, lambda _: 5.0, GONE.__contains__)
        asked = Question(id=1, home=run, recipe="0a1b2c3d", side=4)
        await at.work(link, "0a1b2c3d", Pulled(frames.pack(asked, b""), "", 1))
        while at.working:
            await asyncio.wait(at.working)
        taken: Link = link
        return taken

    there, gone = asyncio.run(work(HOME)), asyncio.run(work(min(GONE)))
    assert there.taken == [subjects.answer(HOME, "desk-1")]
    assert gone.taken == []
    assert (there.done_with, gone.done_with) == (1, 1)
