"""Raw lines to events: ours, or counted as foreign; and which of them are asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import orjson

from nobgd.record import events

_TIME = re.compile(r"\d\d:\d\d(:\d\d)?")
_AGO = re.compile(r"^(\d+)\s*(m|min|minutes?|h|hours?|d|days?|w|weeks?)(\s+ago)?$")
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
MOST = 1e12  # more than any honest figure of a record: bytes, milliseconds, megapixels


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events count; None is no limit."""

    since: float | None = None
    until: float | None = None
    inbox: str | None = None
    model: str | None = None
    precision: str | None = None

    def takes(self, event: dict[str, Any], moment: float) -> bool:
        """Whether an event of this moment is asked for; what says nothing of a model is."""
        if self.since is not None and moment < self.since:
            return False
        if self.until is not None and moment >= self.until:
            return False
        for name in ("inbox", "model", "precision"):
            limit = getattr(self, name)
            if limit is not None and event.get(name, limit) != limit:
                return False
        return True


class Parser:
    """Counts what it reads."""

    def __init__(self) -> None:
        self.lines = 0
        self.foreign = 0

    def events(self, lines: Iterable[bytes]) -> Iterator[tuple[dict[str, Any], float]]:
        """(event, moment) of every line that is ours; a journal's JSON is opened."""
        for line in lines:
            if not line.strip():
                continue
            self.lines += 1
            event = _parse(line)
            if event is not None and "MESSAGE" in event:
                message = _text(event["MESSAGE"])
                event = _parse(message) if message is not None else None
            moment = _moment(event) if event is not None else None
            if event is None or moment is None or not isinstance(event.get("event"), str):
                self.foreign += 1
                continue
            yield event, moment


def _parse(line: bytes | str) -> dict[str, Any] | None:
    try:
        event = orjson.loads(line)
    except ValueError:  # torn; or a name that is no UTF-8, which only the standard library takes
        return events.parse(line)
    return event if isinstance(event, dict) else None


def _text(message: object) -> str | bytes | None:
    """What a unit said; None where the journal left it out or shows something else."""
    if isinstance(message, list):  # how the journal shows bytes that are no text
        try:
            return bytes(message)
        except (TypeError, ValueError):
            return None
    return message if isinstance(message, str) else None


def _moment(event: dict[str, Any]) -> float | None:
    try:
        return datetime.fromisoformat(event["timestamp"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def figure(value: object, most: float = MOST) -> float:
    """A figure of a record as a float; 0 for what is none: text, a list, NaN, beyond ``most``."""
    if type(value) is float or type(value) is int:  # true is no number
        return float(value) if 0 <= value <= most else 0.0
    return 0.0


def moment(text: str, now: datetime | None = None) -> float:
    """Seconds since the epoch of an ISO 8601 date or time (local without a zone) or `7 days ago`.

    Also `today`, `yesterday`, `now`, and a time of today.  ValueError when it is none of these.
    ``now`` without a zone is local time; a date in the other half of the year has the offset of
    that half.
    """
    try:
        return _seconds(text, now or datetime.now())
    except OverflowError as error:  # a year that this machine's clock does not reach
        raise ValueError(str(error)) from None


def day_after(text: str) -> float:
    """The end of the day ``text`` as `moment` tells moments; its length is that of that day."""
    day = datetime.fromisoformat(text.strip())
    return moment((day + timedelta(days=1)).isoformat())


def _seconds(text: str, now: datetime) -> float:
    words = text.strip().lower()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}
    if words in named:
        return named[words].timestamp()
    if match := _AGO.match(words):
        return now.timestamp() - int(match[1]) * _SECONDS[match[2][0]]
    if _TIME.fullmatch(words):
        return datetime.combine(now, time.fromisoformat(words), now.tzinfo).timestamp()
    then = datetime.fromisoformat(text.strip())
    return (then if then.tzinfo else then.replace(tzinfo=now.tzinfo)).timestamp()
