"""The API of our own, api/v1: photos in, cut-outs out; see docs/api.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nobgd.web import cutting, drop, forms, photos, spec
from nobgd.web.problems import Problem
from nobgd.web.results import result
from nobgd.web.site import Site, of, who

_LONGEST_WAIT_S = 25.0
_LONGEST_JSON = 1 << 20
_FORM_FILES = frozenset({"file"})


async def put(request: Request) -> Response:
    """PUT api/v1/photos?name=: the body is the file."""
    who(request).need("submit")
    site = of(request)
    upload = await _body(request, site)
    try:
        dropped = await upload.publish(request.query_params.get("name", ""))
    finally:
        upload.close()
    photo = await photos.look(site, site.own, dropped.relpath)
    return JSONResponse(photos.described(site, photo), 201 if dropped.new else 200)


async def one(request: Request) -> Response:
    """GET api/v1/photos/ID?wait=."""
    site = of(request)
    inbox, relpath = _asked(request, site)
    wait = _seconds(request.query_params.get("wait", "0"))
    photo = await photos.settled(site, inbox, relpath, wait)
    return JSONResponse(photos.described(site, photo))


async def cut(request: Request) -> Response:
    """GET api/v1/photos/ID/result."""
    site = of(request)
    inbox, relpath = _asked(request, site)
    wanted = spec.read(request.query_params)
    found = await result(site, await photos.look(site, inbox, relpath), wanted)
    return found.answer(attached=request.query_params.get("download") == "1")


async def cutout(request: Request) -> Response:
    """POST api/v1/cutout?name=: the body in, the picture out."""
    who(request).may_cut_out()
    site = of(request)
    wanted = spec.read(request.query_params)
    upload = await _body(request, site)
    try:
        found = await cutting.cut_out(site, upload, request.query_params.get("name", ""), wanted)
    except cutting.Unfinished as late:
        return JSONResponse(photos.described(site, late.photo), 202, {"Retry-After": "15"})
    finally:
        upload.close()
    return found.answer()


async def form(request: Request) -> Response:
    """POST drop: a form without script; the picture comes back."""
    site = of(request)
    async with forms.received(request, site, _FORM_FILES) as given:
        asker = who(request)
        if not asker.local and "submit" not in asker.scopes:
            asker = site.doorman.by_key(given.fields.get("token", ""))
        asker.may_cut_out()
        wanted = spec.read(given.fields)
        files = [each for each in given.files if each.upload.size]
        if len(files) != 1:
            raise Problem(400, "bad_request", "choose one photo; with JavaScript it can be many")
        found = await cutting.cut_out(site, files[0].upload, files[0].name, wanted)
    return found.answer(attached=True)


async def act(request: Request) -> Response:
    """POST api/v1/photos/ID/VERB: retry, accept, reject, reopen."""
    who(request).need("review")
    site, verb = of(request), request.url.path.rpartition("/")[2]
    inbox, relpath = photos.named(site, request.path_params["id"])
    path = f"{site.inboxes[inbox].path}/{relpath}"
    answer = await site.daemon.must({"do": verb, "paths": [path]})
    if verb != "retry" and not answer.get("judged"):
        raise Problem(409, "not_done", "there is no cut-out of it to judge")
    return JSONResponse(photos.described(site, await photos.look(site, inbox, relpath)))


async def redo(request: Request) -> Response:
    """POST api/v1/photos/ID/redo {"model": …, "edges": …}: by another model, with other edges."""
    who(request).need("review")
    site = of(request)
    inbox, relpath = photos.named(site, request.path_params["id"])
    asked = await read_json(request)
    wish = {name: asked[name] for name in ("model", "edges") if isinstance(asked.get(name), str)}
    path = f"{site.inboxes[inbox].path}/{relpath}"
    answer = await site.daemon.must({"do": "redo", "paths": [path], **wish})
    if not answer.get("redone"):
        raise Problem(409, "not_done", "there is no cut-out of it, or its original has left")
    return JSONResponse(photos.described(site, await photos.look(site, inbox, relpath)))


async def status(request: Request) -> Response:
    """GET api/v1/status."""
    who(request).need("look")
    site = of(request)
    answer = await site.daemon.status()
    for each in answer.get("inboxes", ()):
        each["key"] = next(
            (key for key, inbox in site.inboxes.items() if str(inbox.path) == each["inbox"]), None
        )
    return JSONResponse(answer)


async def pause(request: Request) -> Response:
    """POST api/v1/pause, POST api/v1/resume."""
    who(request).need("steer")
    site = of(request)
    key = photos.inbox(site, (await read_json(request)).get("inbox"))
    path = None if key is None else str(site.inboxes[key].path)
    await site.daemon.must({"do": request.url.path.rpartition("/")[2], "inbox": path})
    return JSONResponse({"inbox": key})


async def _body(request: Request, site: Site) -> drop.Upload:
    """The body as a file that is not published yet.  Raises Problem."""
    length = request.headers.get("content-length", "")
    await site.queue.enter()
    async with site.receiving:
        upload = await site.drop.upload(int(length) if length.isdigit() else None)
        try:
            async for part in request.stream():
                await upload.write(part)
        except BaseException:
            upload.close()
            raise
    return upload


def _asked(request: Request, site: Site) -> tuple[str, str]:
    """The photo that a request is about, if the asker may see it."""
    inbox, relpath = photos.named(site, request.path_params["id"])
    who(request).need("submit" if inbox == site.own else "look")
    return inbox, relpath


def _seconds(text: str) -> float:
    if not text.isdigit() or len(text) > 4:
        raise Problem(400, "bad_request", "wait must be a whole number of seconds")
    return min(float(text), _LONGEST_WAIT_S)


async def read_body(request: Request) -> bytes:
    """A small body.  Raises Problem."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_JSON:
            raise Problem(413, "too_large", "the body is larger than 1 MB")
    return bytes(body)


async def read_json(request: Request) -> Mapping[str, Any]:
    """The object in the body.  Raises Problem."""
    body = await read_body(request)
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Problem(400, "bad_request", "the body must be a JSON object")
    return found
