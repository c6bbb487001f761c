"""What a person paints over a cut-out: a file for a lane, which is as wary of it as of a photo."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nobgd.config import webbing
from nobgd.fs import publish, tree
from nobgd.values import NobgdError
from nobgd.web import photos
from nobgd.web.problems import Problem
from nobgd.web.site import of, who

_MOST_BYTES = 4_000_000
_PNG = b"\x89PNG\r\n\x1a\n"


async def put(request: Request) -> Response:
    """PUT api/v1/photos/ID/mask: strokes as a grey PNG; 0 removes, 128 leaves, 255 keeps."""
    who(request).need("review")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            raise Problem(413, "too_large", "strokes take 4 MB at most")
    if not body.startswith(_PNG):
        raise Problem(400, "not_a_picture", "strokes are a PNG; 0 removes, 128 leaves, 255 keeps")
    name = hashlib.sha256(body).hexdigest()
    folder = webbing.touches(of(request).config)
    try:
        await asyncio.to_thread(_keep, folder, f"{name}.png", bytes(body))
    except (OSError, NobgdError) as error:
        raise Problem(507, "quota", f"{folder}: {error}; free some space") from None
    return await _asked(request, name)


async def delete(request: Request) -> Response:
    """DELETE api/v1/photos/ID/mask: as the model had it."""
    who(request).need("review")
    return await _asked(request, "")


async def _asked(request: Request, touch: str) -> Response:
    site = of(request)
    inbox, relpath = photos.named(site, request.path_params["id"])
    path = f"{site.inboxes[inbox].path}/{relpath}"
    answer = await site.daemon.must({"do": "redo", "paths": [path], "touch": touch})
    if not answer.get("redone"):
        raise Problem(409, "not_done", "there is no cut-out of it, or its original has left")
    return JSONResponse(photos.described(site, await photos.look(site, inbox, relpath)))


def _keep(folder: Path, name: str, body: bytes) -> None:
    with tree.within(str(folder)) as descriptor:
        publish.write(descriptor, name, [body], replace=True)
