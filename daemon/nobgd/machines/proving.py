"""The admission test as home runs it: one picture out, its mask compared with our own.

Our own is made once for each model, by the supervisor's model process, when the first machine asks
to be let in.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from nobgd.cluster import frames, probe, subjects
from nobgd.cluster.words import Answer, Question
from nobgd.fs import shared_memory
from nobgd.values import wire


class Proving:
    """Which machines have the picture, and what is to come of it."""

    def __init__(
        self, weights: Sequence[wire.Weights], run: str,
        say: Callable[[dict[str, Any], int | None], None],
        publish: Callable[[str, bytes], Coroutine[Any, Any, None]],
    ) -> None:  # fmt: skip
        """``run`` is home's; ``say`` tells the supervisor, ``publish`` the others."""
        self._weights = weights
        self._recipes = [subjects.recipe8(each) for each in weights]
        self._run, self._say, self._publish = run, say, publish
        self._awaited: dict[int, tuple[str, str]] = {}  # identity: host, recipe
        self._pictures: dict[int, bytes] = {}  # by their side
        self._ours: dict[int, bytes] = {}  # masks, by model
        self._making: dict[int, int] = {}  # model: the memory in which ours is being made

    async def begin(self, host: str, recipe: str) -> None:
        """Send it the picture; what it was sent before counts no more."""
        which = self._recipes.index(recipe)
        self._want_ours(which)
        for identity, known in list(self._awaited.items()):
            if known == (host, recipe):
                del self._awaited[identity]
        identity, side = secrets.randbits(52), self._weights[which].input_size
        self._awaited[identity] = host, recipe
        asked = Question(id=identity, home=self._run, recipe=recipe, side=side, proof=True)
        await self._publish(subjects.cast(host), frames.pack(asked, self._picture(side)))

    def awaits(self, identity: int, host: str) -> bool:
        """Whether this is the picture's number, from the machine that got it."""
        return self._awaited.get(identity, ("", ""))[0] == host

    def failed(self, identity: int) -> str:
        """The recipe of a picture that its machine could make no mask of."""
        return self._awaited.pop(identity)[1]

    def thought(self, which: int, *, made: bool) -> None:
        """The supervisor's model process has made our mask, or could not."""
        memory, one = self._making.pop(which), self._weights[which]
        if made:
            self._ours[which] = os.pread(memory, one.mask_bytes, one.input_bytes)
        os.close(memory)

    async def judged(self, answer: Answer, mask: bytes) -> tuple[str, str | None] | None:
        """The recipe, and what is wrong with the mask, None if nothing.

        None where it cannot be said, as one of the two could not be made: it is asked again.
        """
        if answer.began:
            return None
        found = self._awaited.pop(answer.id, None)
        if found is None:  # the second of two
            return None
        recipe = found[1]
        which = self._recipes.index(recipe)
        while which in self._making:
            await asyncio.sleep(0.05)
        ours = self._ours.get(which)
        if ours is None:
            return None
        wrong = await asyncio.to_thread(probe.differs, mask, ours)
        if wrong is not None:
            name = self._weights[which].name
            wrong = f"{name}: {wrong}; another engine there may do it, see `nobgd doctor`"
        return recipe, wrong

    def _picture(self, side: int) -> bytes:
        if side not in self._pictures:
            self._pictures[side] = probe.picture(side)
        return self._pictures[side]

    def _want_ours(self, which: int) -> None:
        """Have the supervisor's own model process make its mask of it, once."""
        if which in self._ours or which in self._making:
            return
        one = self._weights[which]
        memory = shared_memory.create(wire.tensor_bytes(self._weights))
        self._making[which] = memory
        os.pwrite(memory, self._picture(one.input_size), one.shown_at)
        self._say({"think": which, "model": which}, memory)
