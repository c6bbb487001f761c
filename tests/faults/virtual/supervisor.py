"""The machine with the photos: its queue of masks and what is away, as they are.

The lanes are photos' numbers, the model process a pause.  What a lane gets is looked at here.
"""

from __future__ import annotations

import os
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from faults.virtual.broker import Broker
from faults.virtual.clock import Process, World
from faults.virtual.connection import Network
from faults.virtual.line import PACE_S, WEIGHTS, Line
from faults.virtual.machine import DAY_S
from nobgd.fs import shared_memory
from nobgd.pool.asking import Request
from nobgd.pool.away import Away
from nobgd.pool.elsewhere import Elsewhere
from nobgd.pool.link_words import Message
from nobgd.pool.mask_queue import MaskQueue
from nobgd.pool.model_process import Answer
from nobgd.values import wire

SIZE = wire.tensor_bytes([WEIGHTS])
LEASE_S, DEADLINE_S = 10.0, 20.0
_SLICE_S = 0.25
_LATE_S = 0.5  # after a look nothing is away for longer than it may, but for this


def picture(number: int) -> bytes:
    """The photo's, unlike all others in every third byte."""
    first = number.to_bytes(8, "big").ljust(WEIGHTS.mask_bytes, b"\xa5")
    return bytes(value for each in first for value in (each, 0, 255))


class _Queue(MaskQueue):
    """Which tells its owner of each end."""

    def __init__(self, home: Supervisor) -> None:
        super().__init__(home, at_a_time=2, cores=2, clock=home.time)
        self._home = home

    def end(self, request: Request) -> None:
        self._home.ended(request)
        super().end(request)


class Supervisor(Process):
    """One life of it; photos that it did not book are the next one's."""

    def __init__(
        self, world: World, broker: Broker, network: Network, chance: random.Random,
        todo: deque[int], booked: bytearray, lanes: int, seen: Counter[str],
    ) -> None:  # fmt: skip
        super().__init__(world, chance.uniform(0, DAY_S))
        self.broker, self.network, self.chance = broker, network, chance
        self.todo, self.booked, self.seen = todo, booked, seen
        self.setup = wire.Link("", (WEIGHTS,), LEASE_S)
        self.asked: dict[int, tuple[int, Request]] = {}  # by the request's number: the photo's
        self.over: set[int] = set()  # of those, which have their answer
        self.left: set[int] = set()  # at work for a lane that is no more
        self.model = 0  # grows with each model process
        self.queue = _Queue(self)
        self.elsewhere = self.queue.elsewhere = Elsewhere(
            self.queue, self._never, self._open,
            lambda line: Away(line, self.setup, self.queue.waiting, DEADLINE_S, self.queue.end,
                              self.told), self.time,
        )  # fmt: skip
        self.queue.ready = True
        self.elsewhere.start()
        for _ in range(lanes):
            self.after(0.0, self.begin)
        self.after(_SLICE_S, self._look)

    def _open(self, hear: Callable[[Message, int], None], look: Callable[[], None]) -> Line:
        self.line, self._looked = Line(self, hear), look
        return self.line

    def _never(self, *_: Any, **__: Any) -> wire.Ran:
        raise AssertionError("the line makes our own mask of the test picture")

    def told(self, event: str, _: dict[str, Any]) -> None:
        self.seen[event] += 1

    # --- lanes -----------------------------------------------------------------------------

    def begin(self) -> None:
        """A lane takes the next photo."""
        if not self.todo:
            return
        number = self.todo.popleft()
        memory = shared_memory.create(SIZE)
        os.pwrite(memory, picture(number), WEIGHTS.shown_at)
        request = self.queue.add(0, memory, whole=False, about={"source": ""}, beside=0)
        os.close(memory)
        self.asked[request.number] = number, request

    def ended(self, request: Request) -> None:
        """The queue says that this one has its mask, or an error."""
        if request.number in self.left:  # it was at work when its lane died
            self.left.discard(request.number)
            return
        if request.number in self.over or request.number not in self.asked:
            self.world.wrong.append(f"request {request.number} ended twice")
            return
        self.over.add(request.number)
        self.after(0.0, self._finish, request)

    def _finish(self, request: Request) -> None:
        """Its lane looks at the mask, books the photo and takes the next."""
        photo, _ = self.asked.pop(request.number)
        self.over.discard(request.number)
        if request.error is not None:
            self.world.wrong.append(f"photo {photo} burnt an attempt: {request.error}")
            self.todo.append(photo)
        else:
            if request.thought is not None:
                mask = os.pread(request.memory, WEIGHTS.mask_bytes, WEIGHTS.input_bytes)
                if mask != picture(photo)[::3]:
                    self.world.wrong.append(f"photo {photo} got the mask of another")
            self._book(photo, request)
        with self.queue.changed:
            self.queue.withdraw(request)
        self.begin()

    def _book(self, photo: int, request: Request) -> None:
        if self.booked[photo]:
            self.world.wrong.append(f"photo {photo} was done twice")
        self.booked[photo] = 1
        where = "masks of other machines" if request.thought else "masks made at home"
        self.seen[where] += 1

    def crash_lane(self) -> None:
        """One lane dies; its photo is asked for again."""
        if self.asked:
            number = self.chance.choice(list(self.asked))
            if number not in self.over:
                photo, request = self.asked.pop(number)
                if number in self.queue._working:
                    self.left.add(number)
                with self.queue.changed:
                    self.queue.withdraw(request)
                self.todo.appendleft(photo)
                self.after(0.05, self.begin)

    # --- the model process -------------------------------------------------------------------

    def ask(self, number: int, _: int, threads: int, __: int, *, whole: bool) -> None:
        """`ModelProcess.ask`."""
        assert not whole
        self.after(self.chance.expovariate(1 / PACE_S), self._made, self.model, number, threads)

    def _made(self, model: int, number: int, threads: int) -> None:
        if model == self.model:
            with self.queue.changed:
                self.queue.take(Answer(infer=number, ran=threads))

    def crash_model(self) -> None:
        self.model += 1
        with self.queue.changed:
            self.queue.process_ended("SIGKILL", None, killed=True, memory=False)
        self.after(0.5, self._ready)

    def _ready(self) -> None:
        with self.queue.changed:
            self.queue.ready = True
            self.queue.wake()

    # --- life ------------------------------------------------------------------------------

    def _look(self) -> None:
        self._looked()
        self.audit()
        self.after(_SLICE_S, self._look)

    def check(self) -> None:
        """After each step: every photo that was asked for is in one place, by number."""
        queue = self.queue
        there = len(queue.waiting) + len(queue._working) + len(self.elsewhere.away._out)
        there -= len(self.left)
        if there + len(self.over) != len(self.asked):
            self.world.wrong.append(f"{len(self.asked)} were asked for, {there} are there")

    def audit(self) -> None:
        """Each of them in exactly one, and nothing away for longer than it may."""
        queue, out = self.queue, self.elsewhere.away._out
        places = Counter([each.number for each in queue.waiting])
        places.update(queue._working.keys() - self.left)
        places.update(list(out))
        places.update(self.over)
        if any(count != 1 for count in places.values()) or places.keys() != self.asked.keys():
            self.world.wrong.append("a photo is in two places, or in none")
        now = self.time()
        for each in out.values():
            if now - each.heard > LEASE_S + _LATE_S or now - each.sent > DEADLINE_S + _LATE_S:
                self.world.wrong.append(f"request {each.number} is away for too long")
            if each.here:
                self.world.wrong.append(f"request {each.number} is away and was to stay here")

    def doze(self, seconds: float) -> None:
        """The whole machine."""
        self.sleep(seconds)
        if self.line.link is not None:
            self.line.link.sleep(seconds)
            for each in list(self.network.connections):
                each.stopped()

    def die(self) -> None:
        """SIGKILL, with lanes and link; the photos that were not booked wait for the next one."""
        self.line.close()
        self.kill()
        for photo, request in self.asked.values():
            if not self.booked[photo]:
                self.todo.append(photo)
            request.close()
        self.asked.clear()
