"""Which folders of ours a request touches, and when: a lane may wait for these, for no other."""

from __future__ import annotations

import os

from nobgd.values import Job
from nobgd.values.errands import Check, Errand

_NAMES = ("inbox", "outbox", "quarantine", "archive", "folder", "touches")


def folders(request: Job | Errand | Check) -> tuple[str, ...]:
    """All that it is let into."""
    found = (getattr(request, name, None) for name in _NAMES)
    return tuple(dict.fromkeys(path for path in found if path is not None))


def touched(request: Job | Errand | Check, stage: str) -> tuple[str, ...]:
    """Those that it touches in this stage; none where it computes."""
    if not isinstance(request, Job):
        output = getattr(request, "output", None)  # of a `Dispose`: it is read again first
        return (*folders(request), *([os.path.dirname(output)] if output else []))
    match stage:
        case "open":
            return request.inbox, request.outbox
        case "read":
            return (request.inbox,)
        case "confirm":  # a look at the photo, and at once the output gets its name
            return request.inbox, request.outbox
        case "publish":
            return request.outbox, *{os.path.dirname(twin.output) for twin in request.twins}
        case _:
            return ()
