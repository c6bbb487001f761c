"""Photos that wait for a lane: cheap rows, never pixels.

Order: what lies in ``_urgent/`` first, then new photos, inboxes taking turns, then retries
whose time has come.  Only accessed from the service's main loop; ``now`` is monotonic.
"""

from __future__ import annotations

import heapq
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable

from nobgd.jobs.plan import urgent
from nobgd.values import Photo

Key = tuple[str, str]  # inbox, relpath


class Backlog:
    """The waiting photos of all inboxes."""

    def __init__(self) -> None:
        self._urgent: dict[str, OrderedDict[str, Photo]] = {}
        self._new: dict[str, OrderedDict[str, Photo]] = {}
        self._later: dict[Key, tuple[float, Photo]] = {}
        self._held: dict[Key, Photo] = {}
        self._due: list[tuple[float, int, Key]] = []
        self._turn: list[str] = []
        self._count = itertools.count()

    def add(self, photo: Photo) -> None:
        """A new or changed photo; what waited under its name is replaced."""
        self.drop(photo.inbox, [photo.relpath])
        queues = self._urgent if urgent(photo) else self._new
        queues.setdefault(photo.inbox, OrderedDict())[photo.relpath] = photo
        if photo.inbox not in self._turn:
            self._turn.append(photo.inbox)

    def add_later(self, photo: Photo, at: float) -> None:
        """A photo to be tried again at ``at``."""
        self.drop(photo.inbox, [photo.relpath])
        key = (photo.inbox, photo.relpath)
        self._later[key] = (at, photo)
        heapq.heappush(self._due, (at, next(self._count), key))

    def hold(self, photo: Photo) -> None:
        """A photo whose older bytes are in a lane: not taken before `release`."""
        self._held[(photo.inbox, photo.relpath)] = photo

    def release(self, inbox: str, relpath: str) -> Photo | None:
        """The photo that was held under this name, which waits no longer; None if none was."""
        return self._held.pop((inbox, relpath), None)

    def drop(self, inbox: str, relpaths: Iterable[str]) -> None:
        """Photos that left."""
        for relpath in relpaths:
            for queues in (self._urgent, self._new):
                if inbox in queues:
                    queues[inbox].pop(relpath, None)
            self._later.pop((inbox, relpath), None)
            self._held.pop((inbox, relpath), None)

    def drop_inbox(self, inbox: str) -> None:
        """All photos of an inbox that is no longer configured."""
        self._urgent.pop(inbox, None)
        self._new.pop(inbox, None)
        for key in [key for key in self._later if key[0] == inbox]:
            del self._later[key]
        for key in [key for key in self._held if key[0] == inbox]:
            del self._held[key]
        if inbox in self._turn:
            self._turn.remove(inbox)

    def take(self, now: float, is_open: Callable[[str], bool]) -> Photo | None:
        """The next photo of an inbox that is open; None if there is none now."""
        for queues in (self._urgent, self._new):
            for inbox in self._turn:
                if queues.get(inbox) and is_open(inbox):
                    self._turn.remove(inbox)
                    self._turn.append(inbox)
                    return queues[inbox].popitem(last=False)[1]
        return self._take_due(now, is_open)

    def _take_due(self, now: float, is_open: Callable[[str], bool]) -> Photo | None:
        closed = []
        found = None
        while self._due and self._due[0][0] <= now:
            entry = heapq.heappop(self._due)
            at, photo = self._later.get(entry[2], (None, None))
            if photo is None or at != entry[0]:
                continue  # dropped or put at another time since
            if is_open(photo.inbox):
                del self._later[entry[2]]
                found = photo
                break
            closed.append(entry)
        for entry in closed:
            heapq.heappush(self._due, entry)
        return found

    def expedite(self, inbox: str | None = None) -> None:
        """Make every retry (of one inbox) due now."""
        for key, (_, photo) in list(self._later.items()):
            if inbox in (None, key[0]):
                self.add_later(photo, 0.0)

    def next_due(self) -> float | None:
        """When the earliest retry is due (monotonic), None without retries."""
        while self._due:
            at, _, key = self._due[0]
            if self._later.get(key, (None,))[0] == at:
                return at
            heapq.heappop(self._due)
        return None

    def find(self, inbox: str, relpath: str) -> tuple[Photo, float | None] | None:
        """The waiting photo and, for a retry, when it is due."""
        for queues in (self._urgent, self._new):
            if inbox in queues and relpath in queues[inbox]:
                return queues[inbox][relpath], None
        if (held := self._held.get((inbox, relpath))) is not None:
            return held, None
        later = self._later.get((inbox, relpath))
        return (later[1], later[0]) if later else None

    def waiting(self, inbox: str | None = None) -> int:
        """New photos that wait, in one inbox or all."""
        held = sum(inbox in (None, key[0]) for key in self._held)
        return held + sum(
            len(queue)
            for queues in (self._urgent, self._new)
            for name, queue in queues.items()
            if inbox in (None, name)
        )

    def retrying(self, inbox: str | None = None) -> int:
        """Photos that wait for their next try."""
        if inbox is None:
            return len(self._later)
        return sum(key[0] == inbox for key in self._later)

    def __len__(self) -> int:
        return self.waiting() + self.retrying()
