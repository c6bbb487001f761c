"""How fast work goes: a sliding window of finished photos."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

_WINDOW_S = 300.0


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
