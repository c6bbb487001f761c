"""Answers that could not be handed over are kept for the next connection."""

from __future__ import annotations

import asyncio
from typing import Any

from nobgd.cluster import subjects
from nobgd.cluster.words import Question
from nobgd.machines.answering import Answering

HOME = "a" * 16


class Link:
    """One that takes a moment for each answer."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def ask(self, subject: str, *_: Any) -> bytes:
        await asyncio.sleep(0)
        self.taken.append(subject)
        return b""


def test_two_connections_in_a_row_take_each_answer_once() -> None:
    """The second begins while the first is still at it."""

    async def work() -> list[str]:
        link: list[Any] = [None]
        at = Answering("desk-1", lambda: None, lambda: link[0], lambda _: 5.0)
        for number in range(3):
            asked = Question(id=number, home=HOME, recipe="0a1b2c3d", side=4)
            await at.prove(asked, b"")  # there is no connection: it is kept
        link[0] = Link()
        await asyncio.gather(at.deliver_kept(), at.deliver_kept())
        taken: list[str] = link[0].taken
        return taken

    assert asyncio.run(work()) == [subjects.answer(HOME, "desk-1")] * 3
