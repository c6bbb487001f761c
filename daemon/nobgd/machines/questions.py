"""Home's questions: each kept at the broker until it is answered, or nobody waits for it any more.

Its identity is random, so that a machine can answer only what it was given; it stays the same over
connections, so that an answer made meanwhile still finds its question.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from nobgd.cluster import frames, subjects
from nobgd.cluster.link import Link, Lost, Unheard
from nobgd.cluster.words import Answer, Question
from nobgd.fs import shared_memory
from nobgd.values import wire

Say = Callable[[dict[str, Any], int | None], None]  # to the supervisor, with a descriptor


@dataclass(slots=True)
class Asked:
    """One of them."""

    number: int  # the supervisor's
    identity: int
    recipe: str
    mask_bytes: int  # of its answer
    host: str = ""  # that has begun it
    stored: int | None = None  # the broker's number, while it keeps it
    out: bool = True


class Questions:
    """Those that somebody waits for."""

    def __init__(self, weights: Sequence[wire.Weights], run: str, say: Say) -> None:
        self._weights = weights
        self._recipes = [subjects.recipe8(each) for each in weights]
        self._run, self._say = run, say
        self._asked: dict[int, Asked] = {}  # by number
        self._by_identity: dict[int, Asked] = {}

    def ask(
        self, link: Link | None, number: int, which: int, memory: int
    ) -> Coroutine[Any, Any, None]:
        """Take the picture out of ``memory`` now; what is returned has it sent."""
        one = self._weights[which]
        shown = os.pread(memory, one.shown_bytes, one.shown_at)
        asked = self._asked.get(number)
        if asked is None:
            asked = Asked(number, secrets.randbits(52), self._recipes[which], one.mask_bytes)
            self._asked[number] = self._by_identity[asked.identity] = asked
        asked.out = True
        question = Question(
            id=asked.identity, home=self._run, recipe=asked.recipe, side=one.input_size
        )
        return self._send(link, asked, frames.pack(question, shown))

    async def _send(self, link: Link | None, asked: Asked, data: bytes) -> None:
        try:
            if link is not None and len(data) <= link.longest:
                asked.stored = await link.store(subjects.question(asked.recipe), data)
        except (Lost, Unheard):
            asked.stored = None
        if asked.stored is None:
            if asked.out:
                self._say({"back": asked.number}, None)
        elif asked.number not in self._asked:  # it was dropped, or answered, meanwhile
            await withdraw(link, asked)

    def named(self, identity: int) -> Asked | None:
        """The one that an answer is to; None where nobody waits for it (any more)."""
        return self._by_identity.get(identity)

    def forget(self, number: int) -> Asked | None:
        """Nobody waits for it any more."""
        asked = self._asked.pop(number, None)
        if asked is not None:
            self._by_identity.pop(asked.identity, None)
            asked.out = False
        return asked

    def begin_anew(self) -> None:
        """There is another connection: numbers of the broker may mean something else now."""
        for asked in self._asked.values():
            asked.stored = None


async def withdraw(link: Link | None, asked: Asked) -> None:
    """Have the broker forget it, if it still keeps it."""
    if asked.stored is not None and link is not None:
        with contextlib.suppress(Lost):
            await link.withdraw(subjects.THINK, asked.stored)


def hand_over(say: Say, asked: Asked, host: str, answer: Answer, mask: bytes) -> None:
    """Give the supervisor a mask, in a memory that nobody changes any more."""
    memory = shared_memory.create(len(mask))
    try:
        os.pwrite(memory, mask, 0)
        say({
            "mask": asked.number, "host": host, "engine": answer.engine,
            "confidence": answer.confidence, "ran": answer.ran, "took_ms": answer.took_ms,
        }, memory)  # fmt: skip
    finally:
        os.close(memory)
