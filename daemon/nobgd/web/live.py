"""GET api/v1/events: what happens, as server-sent events; a hint, never the truth."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from nobgd.web import photos
from nobgd.web.site import Site, of, who

_PULSE_S = 15.0
_LONGEST_S = 3600.0  # then the browser comes again by itself, and is asked who it is
_FIGURES = ("width", "height", "megapixels", "total_ms", "ms_per_megapixel", "infer_ms", "model",
            "precision", "engine", "subject_confidence", "how")  # fmt: skip


async def events(request: Request) -> Response:
    """The stream."""
    who(request).need("look")
    return StreamingResponse(
        _stream(of(request)), headers={"X-Accel-Buffering": "no"}, media_type="text/event-stream"
    )


async def _stream(site: Site) -> AsyncIterator[str]:
    until = time.monotonic() + _LONGEST_S
    yield "retry: 3000\n\nevent: status\ndata: {}\n\n"
    async with site.daemon.hearing() as ear:
        while time.monotonic() < until:
            event = await ear.next(_PULSE_S)
            if event is None:
                yield ": here\n\n"
            elif (told := await _told(site, event)) is not None:
                yield f"event: photo\ndata: {json.dumps(told)}\n\n"
            else:
                yield "event: status\ndata: {}\n\n"


async def _told(site: Site, event: dict[str, Any]) -> dict[str, Any] | None:
    """The photo that an event is about."""
    inbox, source = event.get("inbox"), event.get("source")
    if not isinstance(inbox, str) or not isinstance(source, str):
        return None
    key = next((key for key, each in site.inboxes.items() if str(each.path) == inbox), None)
    if key is None or not source.startswith(inbox + os.sep):
        return None
    photo = await photos.look(site, key, source[len(inbox) + 1 :])
    figures = {name: event[name] for name in _FIGURES if name in event}
    return {**photos.described(site, photo), **figures}
