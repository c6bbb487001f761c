"""Which sightings have stopped changing, given `now`; reads no clock and no file.

A file is settled when its size and its mtime were equal in at least two looks and it
has been quiet for `settle_s` seconds since the last change that was seen.  Files that
lay there at the start are no exception: a copy may be under way.  mtime is compared for
equality only, because the share's clock is not ours; `now` is the monotonic clock.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from nobgd.values import Photo, Sighting


@dataclass(slots=True)
class _Waiting:
    seen: Sighting  # the last; another inode or ctime is no change that it has to be quiet after
    since: float  # when the last change was seen
    due: float  # before this it is not settled
    looks: int  # equal ones in a row
    heard: bool


class Settler:
    """The files of one inbox that may still be changing.

    Only accessed from the inbox's scanner thread, so no lock is needed.  Every `due` is
    set to ``now + settle_s`` and moves its file to the end, so the order of the files is
    the order in which they are due and no call here walks over those that are not.
    """

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, relpath: object) -> bool:
        return relpath in self._waiting

    def look(
        self, sightings: Iterable[Sighting], now: float, until: float | None = None
    ) -> list[Photo]:
        """Take in what was seen; return what has thereby settled, and forget that.

        A slow share takes a while to answer, so the looks may have lasted from `now` to
        `until`: a file was quiet up to `now`, and a change counts from `until`.  A file that
        is not waited for starts to be.  Whether it has been told before is the caller's to
        know: only pass those that are new, waiting or changed.
        """
        settled = []
        for seen in sightings:
            file = self._waiting.get(seen.relpath)
            if file is None or not _equal(file.seen, seen):
                changed = now if until is None else until
                self._wait(seen, changed, changed)
                continue
            file.looks += 1
            file.seen = seen
            file.heard = file.heard or seen.heard
            if file.looks >= 2 and now >= file.due:
                del self._waiting[seen.relpath]
                settled.append(
                    Photo(
                        seen.inbox, seen.relpath, seen.size, seen.mtime_ns, now - file.since,
                        seen.inode, seen.ctime_ns, file.heard,
                    )
                )  # fmt: skip
        return settled

    def again(self, seen: Sighting, since: float, now: float) -> None:
        """Wait for a file anew that settled once and has not changed since `since`.

        Its quiet time goes on from `since`, so a file that stays unfinished is found to
        be truncated one day; it is told again after another `settle_s`.
        """
        if seen.relpath not in self._waiting:
            self._wait(seen, since, now)

    def forget(self, relpath: str) -> bool:
        """Stop waiting for a file; True if it was waited for."""
        return self._waiting.pop(relpath, None) is not None

    def clear(self) -> None:
        """Stop waiting for all files."""
        self._waiting.clear()

    def due(self, now: float) -> list[str]:
        """Return the files that should be looked at now, longest due first."""
        paths = []
        for relpath, file in self._waiting.items():
            if file.due > now:
                break
            paths.append(relpath)
        return paths

    def next_look(self) -> float | None:
        """Return the time of the next look that can settle a file; None when none waits."""
        return next(iter(self._waiting.values())).due if self._waiting else None

    def _wait(self, seen: Sighting, since: float, now: float) -> None:
        due = now + self._settle_s
        self._waiting[seen.relpath] = _Waiting(seen, since, due, 1, seen.heard)
        self._waiting.move_to_end(seen.relpath)


def _equal(one: Sighting, other: Sighting) -> bool:
    return one.size == other.size and one.mtime_ns == other.mtime_ns
