"""How fast work goes: a sliding window of finished photos, and the status line from it."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from nobgd.fs.names import shown
from nobgd.intake.inbox import Snapshot

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service

_WINDOW_S = 300.0
_INBOXES_SHOWN = 3


def how_watched(seen: Snapshot) -> str:
    """`poll 5 s (nfs4)`, or what is wrong: `lost: …`, `stuck: …`."""
    if seen.why:
        return f"{seen.state}: {seen.why}"
    return " + ".join(seen.briefs) or "starting"


class Pulse:
    """Finished photos of the last five minutes.  Only accessed from the main loop."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._finished: deque[tuple[float, float]] = deque()
        self._megapixels = 0.0  # of all in the window: summing it anew is dear in a fast backlog

    def take(self, event: dict[str, Any], now: float | None = None) -> None:
        """One event; only ``photo.done`` counts."""
        if event["event"] == "photo.done":
            moment = time.monotonic() if now is None else now
            self._finished.append((moment, float(event["megapixels"])))
            self._megapixels += float(event["megapixels"])
            self._trim(moment)

    def _trim(self, now: float) -> float:
        while self._finished and self._finished[0][0] < now - _WINDOW_S:
            self._megapixels -= self._finished.popleft()[1]
        return min(max(now - self._began, 1.0), _WINDOW_S)

    def photos_per_minute(self, now: float | None = None) -> float:
        """Over the window, or since the start if that is shorter."""
        span = self._trim(time.monotonic() if now is None else now)
        return len(self._finished) * 60 / span

    def megapixels_per_minute(self, now: float | None = None) -> float:
        """Over the window, or since the start if that is shorter."""
        span = self._trim(time.monotonic() if now is None else now)
        return max(0.0, self._megapixels) * 60 / span

    def line(self, service: Service) -> str:
        """`3 waiting · 2 working · 41.2 MP/min · /srv/in: poll 5 s (nfs4)`."""
        working = len(service.engine.lanes.busy()) if service.engine is not None else 0
        parts = [f"{service.backlog.waiting()} waiting", f"{working} working"]
        if service.backlog.retrying():
            parts.append(f"{service.backlog.retrying()} to retry")
        parts.append(f"{self.megapixels_per_minute():.1f} MP/min")
        for path, inbox in list(service.inboxes.items())[:_INBOXES_SHOWN]:
            parts.append(f"{shown(path)}: {how_watched(inbox.snapshot())}")
        lost = [f"{box.path}: {box.why}" for box in service.outboxes.values()
                if box.failures and box.why]
        parts += lost[:_INBOXES_SHOWN]
        if len(lost) > _INBOXES_SHOWN:
            parts.append(f"{len(lost) - _INBOXES_SHOWN} more outboxes cannot be written to")
        if service.trouble:
            parts.append(service.trouble)
        return " · ".join(parts)
