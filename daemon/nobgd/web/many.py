"""Many photos at a time: tried again, or handed out as one archive that is never on disk."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from nobgd.web import photos, spec
from nobgd.web.native import read_body, read_json
from nobgd.web.photos import Photo
from nobgd.web.problems import Problem
from nobgd.web.results import result
from nobgd.web.site import Site, of, who
from nobgd.web.spec import Spec

_MOST = 1000  # in one request
_FAILED = ("quarantined", "retrying")  # what a retry can be of that is not named one by one
_FORM = "application/x-www-form-urlencoded"


async def act(request: Request) -> Response:
    """POST api/v1/actions {"do": "retry", "ids": […]}, or "state" (and "inbox") for "ids"."""
    who(request).need("review")
    site, asked = of(request), await read_json(request)
    if asked.get("do") != "retry":
        raise Problem(400, "bad_request", 'do must be "retry"')
    if ("ids" in asked) == ("state" in asked):
        raise Problem(400, "bad_request", "ids or state must say which photos, one of the two")
    if "state" in asked:
        return JSONResponse(await _of_state(site, asked["state"], asked.get("inbox")))
    if "inbox" in asked:
        raise Problem(400, "bad_request", "inbox goes with state; ids name their inbox")
    done, failed = [], []
    for name in _ids(asked.get("ids")):
        try:
            inbox, relpath = photos.named(site, name)
        except Problem as problem:
            failed.append({"id": name, "detail": problem.detail})
            continue
        done.append((name, f"{site.inboxes[inbox].path}/{relpath}"))
    if done:  # without a path it would be all that there are
        await site.daemon.must({"do": "retry", "paths": [path for _, path in done]})
    return JSONResponse({"done": [name for name, _ in done], "failed": failed})


async def _of_state(site: Site, state: Any, key: Any) -> dict[str, Any]:
    """Retry what failed, all that the daemon finds at that time; "more" where it left some."""
    if state not in _FAILED:
        raise Problem(400, "bad_request", f"state must be {' or '.join(_FAILED)}")
    wanted = {"do": "retry", "state": state, "inbox": photos.inbox(site, key)}
    answer = await site.daemon.must(wanted)
    done = [site.ids.of(inbox, relpath) for inbox, relpath in answer["freed"]]
    return {"done": done, "failed": [], "more": answer["more"]}


async def archive(request: Request) -> Response:
    """POST api/v1/zip: {"ids": […], rendering…}, or the same as a form."""
    site, asker = of(request), who(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
        text = (await read_body(request)).decode("utf-8", "replace")
        try:
            fields = parse_qs(text, max_num_fields=_MOST + 32)
        except ValueError:
            raise Problem(400, "bad_request", f"no more than {_MOST} photos at a time") from None
        asked: Mapping[str, Any] = {k: v if k == "ids" else v[-1] for k, v in fields.items()}
    else:
        asked = await read_json(request)
    wanted = spec.read({k: str(v) for k, v in asked.items() if k != "ids"})
    found: list[Photo] = []
    for name in _ids(asked.get("ids")):
        inbox, relpath = photos.named(site, name)
        asker.need("submit" if inbox == site.own else "look")
        photo = await photos.look(site, inbox, relpath)
        photos.done(photo)
        found.append(photo)
    name = time.strftime("nobgd-%Y-%m-%d-%H%M%S.zip")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(
        _archived(site, found, wanted), headers=headers, media_type="application/zip"
    )


def _ids(given: Any) -> list[str]:
    if not isinstance(given, list) or not given or not all(isinstance(each, str) for each in given):
        raise Problem(400, "bad_request", "ids must be a list of photos' ids")
    if len(given) > _MOST:
        raise Problem(400, "bad_request", f"no more than {_MOST} photos at a time")
    return list(dict.fromkeys(given))


async def _archived(site: Site, found: list[Photo], wanted: Spec) -> AsyncIterator[bytes]:
    """A ZIP in parts (APPNOTE 4.3.9.1: sizes follow the data); pictures do not compress again."""
    sink = _Sink()
    names: set[str] = set()
    lost: list[str] = []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as file:
        for photo in found:
            try:
                picture = await result(site, photo, wanted)
            except Problem as problem:  # told in the archive: what is sent cannot be taken back
                lost.append(f"{photo.name}: {problem.detail}")
                continue
            info = zipfile.ZipInfo(_free(picture.name, names), time.localtime()[:6])
            info.external_attr = 0o644 << 16
            info.file_size = picture.size
            with file.open(info, "w") as member:
                async for part in picture.parts():
                    member.write(part)
                    yield sink.take()
        if lost:
            file.writestr("missing.txt", "\n".join(lost) + "\n")
    yield sink.take()


def _free(name: str, names: set[str]) -> str:
    """A name that is not in the archive yet; two photos may be called the same."""
    stem, dot, ending = name.rpartition(".")
    tried, number = name, 1
    while tried.lower() in names:
        number += 1
        tried = f"{stem} ({number}){dot}{ending}"
    names.add(tried.lower())
    return tried


class _Sink(io.RawIOBase):
    """What was written and not taken yet; it cannot be sought in."""

    def __init__(self) -> None:
        super().__init__()
        self._data = bytearray()

    def writable(self) -> bool:
        """It is for nothing else."""
        return True

    def write(self, data: Any) -> int:
        """Keep it."""
        self._data += data
        return len(data)

    def take(self) -> bytes:
        """All that was written since."""
        data = bytes(self._data)
        self._data.clear()
        return data
