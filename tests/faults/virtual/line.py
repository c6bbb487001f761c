"""The line between supervisor and link process: the same words and memories, by no socket."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from faults.virtual.clock import Loop
from faults.virtual.link import dial
from faults.virtual.machine import SIDE
from nobgd.machines.home import Home
from nobgd.pool import link_process
from nobgd.pool.link_words import Broker as Reached
from nobgd.pool.link_words import Message, Think
from nobgd.pool.neighbours import Neighbours
from nobgd.values import wire

if TYPE_CHECKING:
    from faults.virtual.supervisor import Supervisor

WEIGHTS = wire.Weights("", "0" * 64, "u2netp", "fp32", SIDE, (0.0,) * 3, (1.0,) * 3)
PACE_S = 0.03  # of a mask that is made at home
_FULL = 0.0005  # share of words for which the line to the link process has no room


class Line:
    """What `LinkProcess` is to the supervisor."""

    def __init__(self, home: Supervisor, hear: Callable[[Message, int], None]) -> None:
        self.neighbours = Neighbours()
        self._home, self._hear = home, hear
        self.link: Loop | None = None
        self._process: Home

    def start(self) -> None:
        home = self._home
        self.link = loop = Loop(home.world, home.ahead_s, "link")  # type: ignore[abstract]

        def say(words: dict[str, Any], memory: int | None) -> None:
            self._up(loop, words, memory)

        async def reach(_: str) -> Any:
            return await dial(home.broker, home.network, loop), "tls://nas:4222"

        self._process = process = Home(home.setup, say, reach)
        home.broker.awaited = lambda identity: process._questions.named(identity) is not None
        loop.start(self._process.serve())

    def kill(self, seconds: float) -> None:
        """And open it again after so long."""
        if self.link is None:
            return
        self.close()
        self._home.after(0.001, self._ended)
        self._home.after(seconds, self.start)

    def _ended(self) -> None:
        self.neighbours.gone("the link process has ended")
        self._hear(Reached(broker=self.neighbours.broker), -1)

    def close(self) -> None:
        if self.link is not None:
            self.link.kill()
            for each in list(self._home.network.connections):
                if each.client is self.link:
                    each.stopped()
            self.link = None

    def pids(self) -> list[int]:
        return []

    def _up(self, link: Loop, words: dict[str, Any], memory: int | None) -> None:
        own = -1 if memory is None else os.dup(memory)
        if not self._home.alive:
            return
        self._home.after(0.0001, self._take, link, json.dumps(words).encode(), own)

    def _take(self, link: Loop, data: bytes, memory: int) -> None:
        if link is self.link:
            message = link_process.read(data)
            link_process.note(message, self.neighbours, self._home.told)
            if isinstance(message, Think):
                os.pwrite(memory, os.pread(memory, WEIGHTS.shown_bytes, WEIGHTS.shown_at)[::3],
                          WEIGHTS.input_bytes)  # fmt: skip
                self._home.after(PACE_S, self.thought, message.think)
            else:
                self._hear(message, memory)
        if memory >= 0:
            os.close(memory)

    def _down(self, words: dict[str, Any], memory: int = -1) -> None:
        if self.link is None or self._home.chance.random() < _FULL:
            raise BlockingIOError
        own = -1 if memory < 0 else os.dup(memory)
        self.link.after(0.0001, self._told, json.loads(json.dumps(words)), own)

    def _told(self, words: dict[str, Any], memory: int) -> None:
        self._process.hear(words, memory)
        if memory >= 0:
            os.close(memory)

    def ask(self, number: int, which: int, memory: int) -> None:
        self._down({"infer": number, "model": which}, memory)

    def drop(self, number: int, *, overdue: bool = False) -> None:
        try:
            self._down({"drop": number, "overdue": overdue})
        except OSError:
            self._home.seen["words that nobody took"] += 1

    def thought(self, number: int, *, made: bool = True) -> None:
        if self.link is not None:
            self.link.after(0.0001, self._told, {"thought": number, "made": made}, -1)
