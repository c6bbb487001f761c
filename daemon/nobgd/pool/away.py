"""Which requests are with other machines, and which of them come back; under `Inference`'s lock.

A request goes out while machines have seats: to those that are faster than this one before its
own seats are taken, to slower ones when they all are.  It comes back, to the front of the queue,
when the broker is away, when no machine began it while this one has nothing to do, when the
machine that did falls silent, or when it takes longer than anything may; from then on it is
worked on here, and what another machine still says of it is not taken.  So every photo gets one
mask, whatever dies.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from nobgd.cluster import subjects
from nobgd.pool.asking import Request
from nobgd.pool.link_words import Back, Mask, Message, Sign
from nobgd.pool.neighbours import Neighbours
from nobgd.values import wire

_MOST_STORED = subjects.MAX_STORED * 3 // 4  # bytes of ours at the broker, which refuses more
_BEGIN_S = 2.0  # a question that nobody began for so long is done here, if there is a seat


class Line(Protocol):
    """What `LinkProcess` is to this."""

    neighbours: Neighbours

    def ask(self, number: int, which: int, memory: int) -> None:
        """Have the picture in ``memory`` thought about somewhere.  Raises OSError."""

    def drop(self, number: int, *, overdue: bool = False) -> None:
        """Nobody waits for this one any more; ``overdue``: whoever has it takes too long."""


class Away:
    """The requests that are out.  Times are monotonic."""

    def __init__(
        self, line: Line, link: wire.Link, waiting: deque[Request], deadline_s: float,
        end: Callable[[Request], None], told: Callable[[str, dict[str, Any]], None],
    ) -> None:  # fmt: skip
        """``end`` is told of each request that has its mask."""
        self._line = line
        self._weights = link.weights
        self._silent_s = link.lease_s
        self._deadline_s = deadline_s
        self._waiting = waiting
        self._end, self._told = end, told
        self._out: dict[int, Request] = {}
        largest = max((each.shown_bytes for each in link.weights), default=1)
        self._most = max(1, _MOST_STORED // largest)

    # --- out -------------------------------------------------------------------------------

    def send(self, now: float, *, faster: bool) -> None:
        """Let go out of what waits as many as there are seats for; see the module."""
        neighbours = self._line.neighbours
        most = min(self._most, neighbours.most(faster=faster))
        for request in list(self._waiting) if len(self._out) < most else ():
            if request.here or request.alone:
                continue
            if len(self._out) >= most:
                return
            if len(self._out) >= neighbours.room(request.which, faster=faster):
                continue
            try:
                self._line.ask(request.number, request.which, request.memory)
            except OSError:  # it has ended, which is heard from its line
                return
            self._waiting.remove(request)
            request.sent, request.host, request.heard = now, "", now
            request.waited = now - request.asked
            self._out[request.number] = request

    # --- back ------------------------------------------------------------------------------

    def hear(self, message: Message, memory: int, now: float) -> None:
        """What the link says; with a mask comes the memory that it lies in."""
        match message:
            case Mask():
                self._take(message, memory)
            case Sign():
                self._began(message, now)
            case Back():
                if (request := self._out.get(message.back)) is not None:
                    self._come_home(request)
            case _:
                if self._line.neighbours.broker:
                    self._all_back()

    def look(self, now: float, *, free: bool) -> None:
        """Take back what has been away for too long; ``free``: this machine has nothing to do."""
        there = self._line.neighbours.there
        for request in list(self._out.values()):
            silent = now - request.heard > self._silent_s
            unbegun = free and not request.host and now - request.sent > _BEGIN_S
            dead = bool(request.host) and free and not there(request.host)
            overdue = now - request.sent > self._deadline_s
            if silent or unbegun or dead or overdue:
                self._come_home(request, overdue=overdue and not silent)

    def forget(self, request: Request, *, overdue: bool = False) -> None:
        """Nobody waits for it any more; ``overdue``: a machine was at it for longer than it may."""
        if self._out.pop(request.number, None) is not None or request.sent:
            self._line.drop(request.number, overdue=overdue)

    def _come_home(self, request: Request, *, overdue: bool = False) -> None:
        """It is worked on here, and next."""
        self.forget(request, overdue=overdue)
        request.here, before = True, request.host
        self._waiting.appendleft(request)
        if before:
            self._moved(request, before, "here")

    def _all_back(self) -> None:
        """The link or the broker is away; they may go out again, under the same number."""
        for request in sorted(self._out.values(), key=lambda one: one.number, reverse=True):
            self._waiting.appendleft(request)
        self._out.clear()

    def _began(self, sign: Sign, now: float) -> None:
        if (request := self._out.get(sign.sign)) is None:
            return
        before, request.host, request.heard = request.host, sign.host, now
        if before not in ("", sign.host):
            self._moved(request, before, sign.host)

    def _moved(self, request: Request, before: str, to: str) -> None:
        fields = {"from": before, "to": to, **request.about}
        self._told("photo.moved", fields)

    def _take(self, answer: Mask, memory: int) -> None:
        """The mask of one that is out, or that waits to go out again."""
        request, waits = self._out.pop(answer.mask, None), False
        if request is None:
            request = next((one for one in self._waiting if one.number == answer.mask), None)
            waits = True
        if request is None or request.here:
            return
        if waits:
            self._waiting.remove(request)
        one = self._weights[request.which]
        data = os.pread(memory, one.mask_bytes + 1, 0)
        if len(data) != one.mask_bytes:
            self._out[request.number] = request
            self._come_home(request)
            return
        os.pwrite(request.memory, data, one.input_bytes)
        request.confidence, request.ran = answer.confidence, answer.ran
        request.thought = wire.Thought(answer.host, answer.engine, answer.took_ms)
        self._end(request)
