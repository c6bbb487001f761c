"""Lines of the log as they come → notices, until the input ends."""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Callable

from nobgd.notices.digest import Digest
from nobgd.notices.ways import Way

_PIECE = 1 << 16
_LONGEST = 1 << 20  # of a line; a longer one is none of ours


def follow(file: int, digest: Digest, way: Way, failed: Callable[[str], None]) -> int:
    """Read the descriptor ``file`` to its end; 1 where the last notice could not be told, else 0.

    ``failed`` hears why one could not; it goes with the next.  Lines that are no JSON are passed
    over.
    """
    rest, open_ = b"", True
    while open_ or digest.due_in(time.monotonic()) is not None:
        wait = digest.due_in(time.monotonic())
        if not open_:
            wait = 0.0  # nothing more comes: what there is goes now
        elif select.select([file], [], [], wait)[0]:
            data = os.read(file, _PIECE)
            open_ = bool(data)
            *lines, rest = (rest + data).split(b"\n")
            rest = b"" if len(rest) > _LONGEST else rest
            for line in [*lines, *([] if open_ else [rest])]:
                _take(line, digest)
            continue
        if wait is None:
            continue
        notice = digest.take(time.monotonic())
        if (why := way(notice)) is not None:
            failed(why)
            if not open_:
                return 1
            digest.again(notice)
    return 0


def _take(line: bytes, digest: Digest) -> None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return
    if isinstance(event, dict):
        digest.add(event)
