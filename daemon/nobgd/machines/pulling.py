"""The seats of a worker: each pulls a question, has it answered, and pulls the next.

A machine has as many as it makes masks at a time; where it is let in for several recipes, they
take turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nobgd.cluster import subjects
from nobgd.cluster.link import Link, Lost
from nobgd.machines.answering import Answering

_PULL_S, _TURN_S = 5.0, 0.5  # a pull waits; the same where another recipe waits for its seat


class Pulling:
    """Who pulls for which recipe.  In the worker's loop."""

    def __init__(
        self, at: Answering, link: Callable[[], Link | None], priority: int,
        told: Callable[[str, str, dict[str, Any]], None],
    ) -> None:  # fmt: skip
        self._at, self._link, self._priority, self._told = at, link, priority, told
        self._pulls: dict[str, list[asyncio.Task[None]]] = {}
        self._count, self._seats = 0, asyncio.Semaphore(0)

    def seat(self, count: int) -> None:
        """So many questions at a time from now on; what pulls has to be cancelled before."""
        self._count, self._seats = count, asyncio.Semaphore(count)

    def pull_for(self, recipes: set[str]) -> None:
        """These and no others."""
        for recipe in recipes - set(self._pulls):
            self._told("info", "recipe.admitted", {"recipe": recipe})
            self._pulls[recipe] = [
                asyncio.create_task(self._pull(recipe)) for _ in range(self._count)
            ]
        for recipe in set(self._pulls) - recipes:
            for each in self._pulls.pop(recipe):
                each.cancel()

    def cancel(self) -> None:
        """None any more; what was pulled is answered."""
        for tasks in self._pulls.values():
            for each in tasks:
                each.cancel()
        self._pulls.clear()

    async def _pull(self, recipe: str) -> None:
        """One seat: a question after the other, until it is cancelled.

        A cancellation that meets a question on its way in is swallowed by `asyncio.wait_for`.
        """
        me = asyncio.current_task()
        assert me is not None  # noqa: S101 - it is one
        while (link := self._link()) is not None and not me.cancelling():
            async with self._seats:
                wait_s = _PULL_S if len(self._pulls) < 2 else _TURN_S
                try:
                    pulled = await link.pull(subjects.next_question(recipe), self._priority, wait_s)
                except Lost:
                    return  # the connection's end is heard of elsewhere
                if pulled is None:
                    continue
                await asyncio.shield(self._at.begin(self._at.work(link, recipe, pulled)))
                # its answer is still handed over, the seat is free
