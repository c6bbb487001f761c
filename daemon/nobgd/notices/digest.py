"""Events of the log → notices: the first at once, what comes soon after it together.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nobgd.record.human import Teller

Event = Mapping[str, Any]

# What somebody who is away would want to know: a photo that waits for a person, a place that is
# lost or back, a daemon that is not well.
USUAL = (
    "photo.quarantined", "photo.not_set_aside", "inbox.lost", "inbox.back", "outbox.lost",
    "outbox.back", "archive.lost", "archive.back", "quarantine.lost", "quarantine.back",
    "share.silent", "share.back", "state.lost", "state.back", "lane.unfit", "model.unfit",
    "lanes.fewer", "service.drift", "service.unwell", "service.reload_refused", "broker.lost",
    "broker.back", "machine.lost", "machine.back",
)  # fmt: skip
_LINES = 10  # of a notice; the rest is counted
_KEPT = 100  # events that go with it


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said at a time."""

    title: str  # one line
    text: str  # a line for each event, the first ones
    counts: Mapping[str, int]  # by event
    events: tuple[Event, ...]  # as they are in the log, the first ones


class Digest:
    """Gathers.  Times are monotonic seconds."""

    def __init__(self, wanted: Iterable[str] = USUAL, every_s: float = 60.0) -> None:
        """No two notices within ``every_s``."""
        self._wanted = frozenset(wanted)
        self._every_s = every_s
        self._teller = Teller(None)
        self._counts: Counter[str] = Counter()
        self._events: list[Event] = []
        self._next_at = float("-inf")

    def add(self, event: Event) -> bool:
        """Take one event of the log; whether it is worth a notice."""
        name = str(event.get("event"))
        if name not in self._wanted:
            return False
        self._counts[name] += 1
        if len(self._events) < _KEPT:
            self._events.append(event)
        return True

    def due_in(self, now: float) -> float | None:
        """Seconds until `take` has something; None: nothing has happened."""
        return max(0.0, self._next_at - now) if self._counts else None

    def take(self, now: float) -> Notice:
        """All that has happened, in one."""
        lines = [line for each in self._events if (line := self._teller.line(each)) is not None]
        total = sum(self._counts.values())
        if total > (shown := len(lines[:_LINES])):
            lines[_LINES:] = [f"and {total - shown} more"]
        said = [n if count == 1 else f"{n} ×{count}" for n, count in self._counts.items()]
        notice = Notice(
            f"nobgd: {'; '.join(said)}", "\n".join(lines), dict(self._counts), tuple(self._events)
        )
        self._counts.clear()
        self._events = []
        self._next_at = now + self._every_s
        return notice

    def again(self, notice: Notice) -> None:
        """It could not be told: it goes with the next one."""
        self._counts = Counter(notice.counts) + self._counts
        self._events = [*notice.events, *self._events][:_KEPT]
