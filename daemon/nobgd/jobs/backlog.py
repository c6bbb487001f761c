"""Photos that wait for a lane: cheap rows, never pixels.

Order: what lies in ``_urgent/`` first, then new photos, inboxes taking turns, then retries
whose time has come.  Only accessed from the service's main loop; ``now`` is monotonic.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

from nobgd.jobs.plan import urgent
from nobgd.values import Photo

Key = tuple[str, str]  # inbox, relpath
IsOpen = Callable[[str], bool]  # whether photos of this inbox may be begun now
_NEVER = (None, None)


class Backlog:
    """The waiting photos of all inboxes.

    All is kept by inbox, so that what waits in one that is closed costs nothing.
    """

    def __init__(self) -> None:
        self._urgent: dict[str, OrderedDict[str, Photo]] = {}
        self._new: dict[str, OrderedDict[str, Photo]] = {}
        self._later: dict[str, dict[str, tuple[float, Photo]]] = {}
        self._held: dict[Key, Photo] = {}
        self._due: dict[str, list[tuple[float, int, str]]] = {}  # a heap: at, order, relpath
        self._turn: OrderedDict[str, None] = OrderedDict()  # inboxes, the next one first
        self._count = itertools.count()

    def add(self, photo: Photo) -> None:
        """A new or changed photo; what waited under its name is replaced."""
        self.drop(photo.inbox, [photo.relpath])
        queues = self._urgent if urgent(photo) else self._new
        queues.setdefault(photo.inbox, OrderedDict())[photo.relpath] = photo
        self._turn.setdefault(photo.inbox)

    def add_later(self, photo: Photo, at: float) -> None:
        """A photo to be tried again at ``at``."""
        self.drop(photo.inbox, [photo.relpath])
        self._later.setdefault(photo.inbox, {})[photo.relpath] = (at, photo)
        heap = self._due.setdefault(photo.inbox, [])
        heapq.heappush(heap, (at, next(self._count), photo.relpath))

    def hold(self, photo: Photo) -> None:
        """A photo whose older bytes are in a lane: not taken before `release`."""
        self._held[(photo.inbox, photo.relpath)] = photo

    def release(self, inbox: str, relpath: str) -> Photo | None:
        """The photo that was held under this name, which waits no longer; None if none was."""
        return self._held.pop((inbox, relpath), None)

    def drop(self, inbox: str, relpaths: Iterable[str]) -> None:
        """Photos that left."""
        places = [kept[inbox] for kept in (self._urgent, self._new) if inbox in kept]
        later = self._later.get(inbox, {})
        for relpath in relpaths:
            for queue in places:
                queue.pop(relpath, None)
            later.pop(relpath, None)
            self._held.pop((inbox, relpath), None)

    def drop_inbox(self, inbox: str) -> None:
        """All photos of an inbox that is no longer configured."""
        kept: tuple[MutableMapping[str, Any], ...]
        kept = (self._urgent, self._new, self._later, self._due, self._turn)
        for each in kept:
            each.pop(inbox, None)
        for key in [key for key in self._held if key[0] == inbox]:
            del self._held[key]

    def take(self, now: float, is_open: IsOpen) -> Photo | None:
        """The next photo of an inbox that is open; None if there is none now."""
        for queues in (self._urgent, self._new):
            for inbox in self._turn:
                if queues.get(inbox) and is_open(inbox):
                    self._turn.move_to_end(inbox)
                    return queues[inbox].popitem(last=False)[1]
        found = self._soonest(is_open, now)
        if found is None:
            return None
        _, _, relpath = heapq.heappop(self._due[found[1]])
        return self._later[found[1]].pop(relpath)[1]

    def _soonest(self, is_open: IsOpen, until: float = math.inf) -> tuple[float, str] | None:
        """When the earliest retry of an open inbox is due, if by then, and which inbox that is."""
        soonest: tuple[float, str] | None = None
        for inbox, heap in self._due.items():
            if not heap or heap[0][0] > until or not is_open(inbox):
                continue  # what was dropped can but be due later, or not at all
            later = self._later[inbox]
            while heap and later.get(heap[0][2], _NEVER)[0] != heap[0][0]:
                heapq.heappop(heap)  # dropped, or put at another time since
            if heap and heap[0][0] <= until:
                soonest, until = (heap[0][0], inbox), heap[0][0]
        return soonest

    def expedite(self, inbox: str | None = None) -> None:
        """Make every retry (of one inbox) due now."""
        for name in [inbox] if inbox is not None else list(self._later):
            for _, photo in list(self._later.get(name, {}).values()):
                self.add_later(photo, 0.0)

    def next_due(self, is_open: IsOpen = lambda _: True) -> float | None:
        """When the earliest retry (of an inbox that is open) is due, None without retries."""
        soonest = self._soonest(is_open)
        return None if soonest is None else soonest[0]

    def find(self, inbox: str, relpath: str) -> tuple[Photo, float | None] | None:
        """The waiting photo and, for a retry, when it is due."""
        for queues in (self._urgent, self._new):
            if inbox in queues and relpath in queues[inbox]:
                return queues[inbox][relpath], None
        if (held := self._held.get((inbox, relpath))) is not None:
            return held, None
        later = self._later.get(inbox, {}).get(relpath)
        return (later[1], later[0]) if later else None

    def first(self, most: int, inbox: str | None = None) -> list[Photo]:
        """New photos that wait, in one inbox or all, about in the order they will be taken in."""
        found = (
            photo for kept in (self._urgent, self._new) for root, queue in kept.items()
            if inbox in (None, root) for photo in queue.values()
        )  # fmt: skip
        return list(itertools.islice(found, most))

    def waiting(self, inbox: str | None = None) -> int:
        """New photos that wait, in one inbox or all."""
        held = sum(inbox in (None, key[0]) for key in self._held)
        if inbox is not None:
            return held + sum(len(kept.get(inbox, ())) for kept in (self._urgent, self._new))
        return held + sum(
            len(queue) for kept in (self._urgent, self._new) for queue in kept.values()
        )

    def retrying(self, inbox: str | None = None) -> int:
        """Photos that wait for their next try."""
        if inbox is not None:
            return len(self._later.get(inbox, ()))
        return sum(map(len, self._later.values()))

    def __len__(self) -> int:
        return self.waiting() + self.retrying()
