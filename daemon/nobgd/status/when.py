"""When something happened, as people read it."""

from __future__ import annotations

from datetime import datetime


def local(epoch_s: float) -> str:
    """Seconds since 1970 as this machine's clock has them: 2026-11-29 18:55:17+01:00."""
    return datetime.fromtimestamp(epoch_s).astimezone().isoformat(sep=" ", timespec="seconds")
