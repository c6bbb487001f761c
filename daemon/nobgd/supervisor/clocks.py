"""The clocks, read once for each turn of the loop."""

from __future__ import annotations

import time

from nobgd.jobs.now import Now


def read() -> Now:
    """The time of now."""
    epoch = time.time()
    local = time.localtime(epoch)
    return Now(time.monotonic(), epoch, local.tm_hour * 60 + local.tm_min)
