"""What people look at: the list, small pictures, figures, the configuration; see docs/api.md."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nobgd.config import webbing
from nobgd.fs.beneath import open_beneath
from nobgd.report import build, formats, parsing, tables
from nobgd.report.pictures import pictures
from nobgd.web import photos
from nobgd.web.photos import Photo
from nobgd.web.problems import Problem
from nobgd.web.site import Site, of, who

_MOST = 100
_WITHIN_S = 20.0  # for a small picture: lanes may have photos before it
_AGAIN_S = 0.1
_LARGEST = 8 << 20  # bytes of a small picture
_YEAR = "private, max-age=31536000, immutable"
_PERIODS = {"24h": 86_400.0, "7d": 7 * 86_400.0, "30d": 30 * 86_400.0}
_SIDES = {"320": 320, "1600": 1600}
_WHATS = frozenset({"in", "out", "mask"})


async def listed(request: Request) -> Response:
    """GET api/v1/photos?state=&inbox=&after=&limit=."""
    who(request).need("look")
    site, asked = of(request), request.query_params
    limit = asked.get("limit", str(_MOST))
    if not limit.isdigit() or not 0 < int(limit) <= _MOST:
        raise Problem(400, "bad_request", f"limit must be from 1 to {_MOST}")
    inbox = photos.inbox(site, asked.get("inbox") or None)
    answer = await site.daemon.must({
        "do": "photos", "state": asked.get("state", ""), "inbox": inbox,
        "after": _place(asked.get("after", "")), "limit": int(limit),
    })  # fmt: skip
    found = [photos.known(each) for each in answer.get("photos", ())]
    after = answer.get("next")
    return JSONResponse({
        "photos": [photos.described(site, each) for each in found if each.inbox in site.inboxes],
        "next": None if after is None else _cursor(after),
    })  # fmt: skip


def _cursor(place: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _place(cursor: str) -> Any:
    if not cursor:
        return None
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise Problem(400, "bad_request", "after is no cursor of ours; begin without it") from None


async def preview(request: Request) -> Response:
    """GET api/v1/photos/ID/preview/WHAT/SIZE."""
    site = of(request)
    inbox, relpath = photos.named(site, request.path_params["id"])
    who(request).need("look")
    what, side = request.path_params["what"], _SIDES.get(request.path_params["side"])
    if what not in _WHATS or side is None:
        raise Problem(404, "not_found", "previews are of in, out or mask, with 320 or 1600 pixels")
    photo = await photos.look(site, inbox, relpath)
    if photo.state != "done" or photo.changed_at is None:
        raise Problem(404, "not_done", f"it is {photo.state}; there is a picture when it is done")
    data = await _made(site, photo, what, side)
    fixed = request.query_params.get("v") == photo.version
    return Response(
        data, headers={"Cache-Control": _YEAR if fixed else "private, no-cache"},
        media_type="image/webp",
    )  # fmt: skip


async def _made(site: Site, photo: Photo, what: str, side: int) -> bytes:
    root = str(site.inboxes[photo.inbox].path)
    name = webbing.preview(root, photo.relpath, photo.changed_at or 0.0, what, side)
    until = time.monotonic() + _WITHIN_S
    while True:
        data = await asyncio.to_thread(_read, str(webbing.made(site.config)), name)
        if data is not None:
            return data
        answer = await site.daemon.must(
            {
                "do": "preview",
                "inbox": photo.inbox,
                "relpath": photo.relpath,
                "what": what,
                "side": side,
            }
        )
        if "failed" in answer:
            raise Problem(404, "not_found", str(answer["failed"]))
        if time.monotonic() > until:
            raise Problem(
                503, "not_done", "the lanes have much to do; ask again", {"Retry-After": "5"}
            )
        await asyncio.sleep(_AGAIN_S)


def _read(folder: str, name: str) -> bytes | None:
    try:
        root = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            file = open_beneath(root, name, os.O_RDONLY | os.O_NONBLOCK)
        finally:
            os.close(root)
    except OSError:
        return None
    with open(file, "rb") as stream:
        return stream.read(_LARGEST)


async def report(request: Request) -> Response:
    """GET api/v1/report?period=&charts=."""
    who(request).need("look")
    span = _PERIODS.get(request.query_params.get("period", "24h"))
    if span is None:
        raise Problem(400, "bad_request", f"period must be one of {', '.join(_PERIODS)}")
    file = of(request).config.log.file
    if file is None:
        raise Problem(404, "no_log", "the figures are read in log.file: set it")
    wanted = parsing.Wanted(time.time() - span, None, None, None, None)
    summary = await asyncio.to_thread(build.from_files, [file], wanted)
    found = formats.as_json(tables.every(summary))
    if request.query_params.get("charts") == "1":
        return JSONResponse({**json.loads(found), "charts": pictures(summary)})
    return Response(found, media_type="application/json")


async def config(request: Request) -> Response:
    """GET api/v1/config."""
    who(request).need("look")
    return JSONResponse(of(request).config.model_dump(mode="json"))
