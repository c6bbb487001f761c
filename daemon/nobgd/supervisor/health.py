"""Watch over the watchers, and tell systemd: the watchdog is fed only while all is well.

Well means: the loop turns, every inbox has a scanner thread that lives, every lane thread
lives and is not past its deadline.  A scanner that has died is started again, three times
at most.  A share that hangs is no reason to bite: its scanner waits for it, its lane has a
deadline, and a new process in nobgd's place would hang just the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nobgd.status.line import line
from nobgd.status.model import Status
from nobgd.supervisor.scanners import Scanners
from nobgd.systemd import notify

_STATUS_EVERY_S = 2.0
_LOOK_EVERY_S = 0.5  # at every scanner and lane: the loop may turn far more often
_RESTARTS = 3  # of one scanner within
_WITHIN_S = 600.0


class Vigil:
    """What systemd is told.  Only accessed from the main loop; times are monotonic."""

    def __init__(
        self, say: Any, scanners: Scanners, stuck: Callable[[float], str | None],
        snapshot: Callable[[], Status],
    ) -> None:  # fmt: skip
        """``stuck``: what of the lanes hangs at a time, None for nothing."""
        self._say = say
        self._scanners = scanners
        self._stuck = stuck
        self._snapshot = snapshot
        self._watchdog_s = notify.watchdog_s()
        self._fed_at = 0.0
        self._looked_at = float("-inf")
        self._told = ("", float("-inf"))
        self._restarts: dict[str, list[float]] = {}
        self._unwell: str | None = None

    def due(self) -> float | None:
        """When the loop should turn next for the watchdog's sake."""
        return self._fed_at + self._watchdog_s / 3 if self._watchdog_s else None

    def keep(self, now: float) -> None:
        """Look after the threads, say how it goes, and feed the watchdog if all is well."""
        why = self._unwell
        if now - self._looked_at >= _LOOK_EVERY_S:
            self._looked_at = now
            why = self.unwell(now)
        if why != self._unwell:
            self._unwell = why
            if why is not None:
                self._say.error("service.unwell", why=why)
        text, told_at = self._told
        if now - told_at >= _STATUS_EVERY_S:
            fresh = line(self._snapshot()) if why is None else why
            self._told = (fresh, now)
            if fresh != text:
                notify.status(fresh)
        if self._watchdog_s and now - self._fed_at >= self._watchdog_s / 4:
            self._fed_at = now  # looked at again then, too, when it is not fed
            if why is None:
                notify.watchdog()

    def renew(self) -> None:
        """Let the next `keep` say the status anew, however short ago it was said."""
        self._told = (self._told[0], float("-inf"))

    def unwell(self, now: float) -> str | None:
        """What keeps the service from working that a new process would mend; None: nothing."""
        for path, inbox in list(self._scanners.inboxes.items()):
            if not inbox.alive and not self._restart(path, now):
                return f"the scanner of {path} ended {_RESTARTS + 1} times; see the log"
        return self._stuck(now)

    def _restart(self, path: str, now: float) -> bool:
        """Start a scanner again that has died; False when that was done too often."""
        recent = [at for at in self._restarts.get(path, []) if now - at < _WITHIN_S]
        if len(recent) >= _RESTARTS:
            return False
        self._restarts[path] = [*recent, now]
        self._say.error(
            "inbox.restarted", inbox=path, why="its scanner had ended; this should not happen"
        )
        self._scanners.close(path)
        self._scanners.watch()
        return True
