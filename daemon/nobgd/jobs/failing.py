"""What is said of photos that wait for their place, and of originals that stay.  Pure.

Those that have no permission, or no room on a disk, are tried again for as long as it takes, so
a line for each try would be a line a minute for ever.  Said is what begins, what changes its
reason, and what ends; and of many with one reason the first few by name, the rest by number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nobgd.values import Failed

_BY_NAME = 3  # photos of one inbox and reason
_CHANGES = 10  # of the reason of one photo that are told
_FIRST_S = 5.0  # from the first that was not told by name to their number
_AGAIN_S, _LONGEST_S = 60.0, 3600.0  # then, when the number has changed: doubling


@dataclass(slots=True)
class _Group:
    """Photos of one inbox that fail for one reason."""

    photos: dict[str, bool] = field(default_factory=dict)  # whether it was told by its name
    named: int = 0
    told: int = 0  # the number last told; 0: none yet
    due: float = 0.0  # monotonic seconds
    pause_s: float = _AGAIN_S
    example: Failed | None = None


class Failing:
    """Who fails for which reason.  Only accessed from the main loop."""

    def __init__(self, event: str = "photos.failing") -> None:
        self._event = event
        self._groups: dict[tuple[str, str], _Group] = {}  # by inbox and code
        self._codes: dict[tuple[str, str], tuple[str, int]] = {}  # photo → code, how many so far
        self._over: list[dict[str, Any]] = []  # the ends that are to be told

    def __len__(self) -> int:
        return len(self._codes)

    def failed(self, failed: Failed, now: float, *, known: bool = False) -> bool:
        """A photo has failed for its place: whether that is to be told by its name.

        ``known``: it was told by an earlier run, and is counted without a word.
        """
        key, code = (failed.inbox, failed.relpath), str(failed.code)
        before, changes = self._codes.get(key, ("", 0))
        if before == code:
            return False
        if before:
            self._leave(key, before)
        self._codes[key] = (code, changes + 1)
        group = self._groups.setdefault((failed.inbox, code), _Group())
        group.photos[failed.relpath] = group.named < _BY_NAME and changes < _CHANGES
        group.example = failed
        if group.photos[failed.relpath]:
            group.named += 1
            return True
        if known:
            group.told += 1
        elif not group.due:
            group.due = now + _FIRST_S
        return False

    def ended(self, inbox: str, relpath: str, *, silently: bool = False) -> bool:
        """A photo is done, set aside or gone; ``silently``: no line of its own tells that.

        Whether it was told by its name.
        """
        found = self._codes.pop((inbox, relpath), None)
        if found is None:
            return False
        named = self._groups[inbox, found[0]].photos[relpath]
        self._leave((inbox, relpath), found[0], silently=silently)
        return named

    def forget(self, inbox: str) -> None:
        """An inbox is closed: nothing more is told of its photos."""
        self._codes = {key: code for key, code in self._codes.items() if key[0] != inbox}
        self._groups = {key: each for key, each in self._groups.items() if key[0] != inbox}

    def _leave(self, key: tuple[str, str], code: str, *, silently: bool = False) -> None:
        group = self._groups[key[0], code]
        group.photos.pop(key[1], None)
        if not group.photos:
            del self._groups[key[0], code]
            if group.told or silently:
                self._over.append(self._told(key[0], code, group))

    def due(self, now: float) -> Iterator[dict[str, Any]]:
        """The events that are to be told now, with their number."""
        over, self._over = self._over, []
        yield from over
        for (inbox, code), group in self._groups.items():
            count = len(group.photos)
            if group.due and now >= group.due and count != group.told:
                group.told, group.due = count, now + group.pause_s
                group.pause_s = min(group.pause_s * 2, _LONGEST_S)
                yield self._told(inbox, code, group)

    def _told(self, inbox: str, code: str, group: _Group) -> dict[str, Any]:
        count = len(group.photos)
        example = group.example
        reason = f"for example {example.reason}" if count and example else "none does any more"
        return {
            "event": self._event, "inbox": inbox, "code": code, "count": count, "reason": reason,
        }  # fmt: skip
