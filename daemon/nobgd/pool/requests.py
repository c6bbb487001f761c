"""What waits for a lane, in its order, and which of it may go now."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass

from nobgd.lane.touched import folders
from nobgd.pool.places import Places
from nobgd.pool.room import Room
from nobgd.pool.stages import Request
from nobgd.values import Code, Job, wire
from nobgd.values.errands import Check, Errand, Prepare
from nobgd.values.wire import Finished, Unbegun


@dataclass(slots=True)
class Item:
    """One request and who waits for its answer."""

    request: Request
    future: Future[Finished]
    since: float  # monotonic
    tries: int = 0

    @property
    def is_of_a_photo(self) -> bool:
        """Whether the photo waits for its folder elsewhere, too; errands have nowhere else."""
        return isinstance(self.request, Job | Prepare)


class Requests:
    """A queue of requests.  Thread-safe; methods that say so want `changed` held."""

    def __init__(self, places: Places, at_work: Callable[[], Iterable[Request]]) -> None:
        """``at_work`` are the requests that lanes have begun."""
        self.changed = threading.Condition()
        self.draining = False  # what waits again is put back
        self.closed = threading.Event()
        self.room = Room()
        self._places, self._at_work = places, at_work
        self._items: deque[Item] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def add(self, request: Request) -> Future[Finished]:
        """Queue one."""
        future: Future[Finished] = Future()
        with self.changed:
            self._items.append(Item(request, future, time.monotonic()))
            self.changed.notify_all()
        return future

    def again(self, item: Item) -> None:
        """It waits again, before all others; at the end its future is answered instead."""
        with self.changed:
            if not (self.draining or self.closed.is_set()):
                self._items.appendleft(item)
                return
        if self.draining:
            item.future.cancel()  # nobody will ask for it: as if it had been put back
        elif isinstance(item.request, Job):
            item.future.set_result(Finished(Unbegun("its lanes end"), 0, 0.0))
        else:
            item.future.set_exception(wire.ErrandFailed(Code.GONE_AWAY, "its lanes end"))

    def put_back(self) -> list[Job | Errand]:
        """Take every request that no lane has begun; their futures are cancelled.

        A `Check` is not among them: who asked for it asks again.
        """
        with self.changed:
            items = list(self._items)
            self._items.clear()
        taken = [item.request for item in items if item.future.cancel()]
        return [each for each in taken if not isinstance(each, Check)]

    def withdraw(self, request: Request) -> None:
        """Take this one off the queue, and do not let it wait again."""
        with self.changed:
            found = [item for item in self._items if item.request is request]
            for item in found:
                self._items.remove(item)
                item.future.cancel()

    def give_away(self, may: Callable[[Job], bool]) -> Item | None:
        """The job that would be last, of those that ``may`` go to somebody else, off the queue."""
        with self.changed:
            for item in reversed(self._items):
                if isinstance(item.request, Job) and may(item.request):
                    self._items.remove(item)
                    return item
        return None

    def next(self, refused: list[tuple[Item, str]]) -> Item | None:
        """The first that may go, off the queue; with `changed` held.

        Those that need no lane, as their folder (the second) is silent, go to ``refused``.
        """
        closed = self.room.closed(time.monotonic())
        for item in list(self._items):
            if closed and isinstance(item.request, Job):
                continue
            needed = folders(item.request)
            folder = self._places.silent(needed)
            if folder is not None and not item.is_of_a_photo:
                continue
            if folder is None and not self._free(needed):
                continue
            self._items.remove(item)  # its future stays pending: it may have to wait again
            if folder is None:
                return item
            refused.append((item, folder))
        return None

    def any_may_go(self) -> bool:
        """Whether a free lane would have something to do; with `changed` held."""
        closed = self.room.closed(time.monotonic())
        return any(
            not (closed and isinstance(item.request, Job))
            and self._places.silent(needed := folders(item.request)) is None
            and self._free(needed)
            for item in self._items
        )

    def _free(self, needed: tuple[str, ...]) -> bool:
        """Whether no other lane is at work on one of these that is on trial."""
        trial = self._places.on_trial(needed)
        return not trial or not any(trial & set(folders(each)) for each in self._at_work())
