"""Events → one line each for people on a terminal; what only a program wants is left out.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from nobgd.fs.names import about, shown

_GREEN, _YELLOW, _RED, _DIM, _END = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[2m", "\x1b[0m"
_COLOURS = {"✓": _GREEN, "!": _YELLOW, "✗": _RED}
_PLACES = (
    "source",
    "inbox",
    "outbox",
    "archive",
    "quarantine",
    "folder",
    "log",
)  # what a warning is about: the first of these that it has
_HOW = {"copied": "copied from an identical photo", "found": "was there already"}
Event = Mapping[str, Any]


class Teller:
    """Makes the lines; ``base`` is the folder that names are shown relative to, if any."""

    def __init__(self, base: str | None, *, colours: bool = False, clock: bool = True) -> None:
        self._base = "" if base is None else base.rstrip("/") + "/"
        self._colours = colours
        self._clock = clock

    def line(self, event: Event) -> str | None:
        """The line, None where there is nothing to tell; names in it are escaped."""
        made = _TELL.get(str(event.get("event")), _other)(self, event)
        if made is None:
            return None
        sign, text = made[0], shown(made[1])
        if self._colours and sign in _COLOURS:
            sign = f"{_COLOURS[sign]}{sign}{_END}"
        time = f"{_local(event)} " if self._clock else ""
        if self._colours and time:
            time = f"{_DIM}{time}{_END}"
        return f"{time}{sign} {text}"

    def path(self, path: object) -> str:
        """A path as it is shown: short where it lies below the base."""
        return shown(str(path).removeprefix(self._base))

    def name(self, event: Event) -> str:
        """A photo by its name in its inbox."""
        return shown(str(event["source"]).removeprefix(str(event["inbox"]).rstrip("/") + "/"))


def _reason(teller: Teller, event: Event) -> str:
    """The reason, led by the photo's name, which many reasons begin with themselves."""
    return about(teller.name(event), str(event["reason"]))


def _local(event: Event) -> str:
    try:
        return datetime.fromisoformat(str(event["timestamp"])).astimezone().strftime("%H:%M:%S")
    except (KeyError, ValueError):
        return "--:--:--"


def _done(teller: Teller, event: Event) -> tuple[str, str]:
    said = f"{teller.name(event)} → {teller.path(event['output'])}"
    how = _HOW.get(str(event["how"]))
    if how is not None:
        return "✓", f"{said}  ({how})"
    said += f"  {event['megapixels']:.1f} MP  {event['total_ms'] / 1000:.1f} s"
    if event.get("review"):
        return "!", f"{said}  doubtful: {event.get('why') or 'look at it'}"
    return "✓", said


def _placed(teller: Teller, event: Event) -> tuple[str, str]:
    return "✓", f"{teller.name(event)} → {teller.path(event['output'])}  (judged)"


def _failed(teller: Teller, event: Event) -> tuple[str, str]:
    wait = event.get("retry_in_s")
    then = "tried again when it has changed" if wait is None else f"tried again in {wait:.0f} s"
    return "!", f"{_reason(teller, event)}; {then}"


def _quarantined(teller: Teller, event: Event) -> tuple[str, str]:
    return "✗", f"{_reason(teller, event)} (set aside in {teller.path(event['quarantine'])})"


def _skipped(teller: Teller, event: Event) -> tuple[str, str] | None:
    reason = str(event["reason"])
    if reason.startswith("already done"):
        return None
    return "–", f"{teller.name(event)} is left alone: {shown(reason)}"


def _ready(_teller: Teller, event: Event) -> tuple[str, str]:
    lanes = event["lanes"]
    many = f"{lanes} photo{'s' * (lanes != 1)} at a time"
    aside = event.get("quarantined", 0)
    rest = f"; {aside} set aside before: `nobgd status` names them" if aside else ""
    return "✓", f"nobgd {event['version']} is ready: {event['model']}, {many}{rest}"


def _stopping(_teller: Teller, event: Event) -> tuple[str, str]:
    left = event["in_lanes"]
    return "–", f"stopping; {left} photo{'s' * (left != 1)} being worked on are finished first"


def _reloaded(_teller: Teller, event: Event) -> tuple[str, str]:
    later = ", ".join(event["needs_restart"])
    rest = f"; these need a restart: {later}" if later else ""
    return "✓", f"the new configuration is in force{rest}"


def _other(teller: Teller, event: Event) -> tuple[str, str] | None:
    """A warning or error in its own words, and what is well again; no other news."""
    words = str(event.get("event", "")).replace(".", " ").replace("_", " ")
    where = next((teller.path(event[key]) for key in _PLACES if key in event), "")
    level = event.get("level")
    if level not in ("warning", "error"):
        if not words.endswith(" back"):
            return None
        return "✓", f"{words}: {where}" if where else words
    why = shown(str(event.get("why") or event.get("reason") or ""))
    said = ": ".join(filter(None, (where if where not in why else "", why))) or words
    return ("✗" if level == "error" else "!"), said


_TELL: dict[str, Callable[[Teller, Event], tuple[str, str] | None]] = {
    "photo.done": _done,
    "photo.placed": _placed,
    "photo.failed": _failed,
    "photo.quarantined": _quarantined,
    "photo.skipped": _skipped,
    "service.ready": _ready,
    "service.stopping": _stopping,
    "service.reloaded": _reloaded,
}
