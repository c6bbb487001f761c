"""A cut-out's file as an answer: its type ours, its name the client's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.responses import StreamingResponse

from nobgd.config import Output, webbing
from nobgd.fs.beneath import open_beneath
from nobgd.web import photos
from nobgd.web.photos import Photo
from nobgd.web.problems import Problem
from nobgd.web.site import Site
from nobgd.web.spec import TYPES, Spec

_PART = 1 << 18
_WITHIN_S, _AGAIN_S = 40.0, (0.02, 0.25)  # for a lane that may have photos before it
_LONGEST_SAID = 4096
_ENDINGS = {"png": ".png", "webp": ".webp", "jpeg": ".jpg"}


@dataclass(frozen=True, slots=True)
class Result:
    """An open file; `answer` or `read` closes it."""

    file: int
    size: int
    name: str  # as the client would call it
    media_type: str
    sides: tuple[int, ...]  # width and height, where they are known
    box: tuple[int, ...]  # of the subject in the photo: left, top, right, bottom

    def answer(
        self, headers: Mapping[str, str] | None = None, *, attached: bool = False
    ) -> StreamingResponse:  # fmt: skip
        """Its bytes, in parts."""
        kind = "attachment" if attached else "inline"
        plain = self.name.encode("ascii", "replace").decode().translate({34: "_", 92: "_"})
        return StreamingResponse(
            self.parts(),
            headers={
                "Content-Length": str(self.size),
                "Content-Disposition": f'{kind}; filename="{plain.replace("?", "_")}";'
                f" filename*=UTF-8''{quote(self.name, safe='')}",
                **(headers or {}),
            },
            media_type=self.media_type,
        )

    async def parts(self) -> AsyncIterator[bytes]:
        """Its bytes; it is closed then."""
        try:
            left = self.size
            while left > 0:
                part = await asyncio.to_thread(os.read, self.file, min(_PART, left))
                if not part:
                    return  # cut short: the client sees that the length is wrong
                left -= len(part)
                yield part
        finally:
            os.close(self.file)

    async def read(self) -> bytes:
        """All of it."""
        return b"".join([part async for part in self.parts()])


async def result(site: Site, photo: Photo, spec: Spec) -> Result:
    """The cut-out as it is asked for.  Raises Problem."""
    photos.done(photo)
    name = _called(site, photo, spec)
    if spec.plain and photos.mine(site, photo):
        found = await asyncio.to_thread(_open, webbing.out(site.config), photo.output or "", name)
    else:
        found = await _rendered(site, photo, spec, name)
    if found is None:
        raise Problem(
            404, "not_found", "its cut-out has been moved or deleted; hand the photo in again"
        )
    return found


async def _rendered(site: Site, photo: Photo, spec: Spec, name: str) -> Result | None:
    """What a lane makes of it; what was made once lies there for a while."""
    made = webbing.made(site.config)
    inbox = str(site.inboxes[photo.inbox].path)
    output = Output.model_validate(spec.fields())
    word = f"{output.rendering.key},{output.compression}"
    file = webbing.rendered(inbox, photo.relpath, photo.changed_at or 0.0, word,
                            output.rendering.tail)  # fmt: skip
    until, pause = time.monotonic() + _WITHIN_S, _AGAIN_S[0]
    while (found := await asyncio.to_thread(_open, made, file, name)) is None:
        answer = await site.daemon.must({
            "do": "render", "inbox": photo.inbox, "relpath": photo.relpath, "output": spec.fields(),
        })  # fmt: skip
        if "failed" in answer:
            raise Problem(422, str(answer.get("code", "internal")), str(answer["failed"]))
        if time.monotonic() > until:
            raise Problem(503, "not_done", "the lanes have much to do; ask again",
                          {"Retry-After": "5"})  # fmt: skip
        await asyncio.sleep(pause)
        pause = min(1.5 * pause, _AGAIN_S[1])
    return found


def _called(site: Site, photo: Photo, spec: Spec) -> str:
    suffix = site.inboxes[photo.inbox].output.suffix
    stem = os.fsencode(os.path.splitext(photo.name)[0]).decode("utf-8", "replace")
    if spec.plain:
        return f"{stem}{suffix}{os.path.splitext(photo.output or '')[1]}"
    return f"{stem}{'_mask' if spec.mask else suffix}{_ENDINGS[spec.format]}"


def _open(folder: Path, relpath: str, name: str) -> Result | None:
    """A file of ours, and what its lane said of it."""
    try:
        root = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            file = open_beneath(root, relpath, os.O_RDONLY | os.O_NONBLOCK)
            said = _said(root, f"{relpath}.json")
        finally:
            os.close(root)
    except OSError:
        return None
    head = os.pread(file, 24, 0)
    size, box = _sides(said.get("size")), _sides(said.get("box"))
    if len(size) != 2:
        size = _png_size(head)
    box = box if len(box) == 4 else ()
    return Result(file, os.fstat(file).st_size, name, _kind(head), size, box)


def _said(root: int, name: str) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        with open(open_beneath(root, name, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            said = json.loads(stream.read(_LONGEST_SAID))
        if isinstance(said, dict):
            return said
    return {}


def _sides(value: Any) -> tuple[int, ...]:
    whole = isinstance(value, list) and all(type(each) is int for each in value)
    return tuple(value) if whole else ()


def _kind(head: bytes) -> str:
    """One of the three types that are made here."""
    if head.startswith(b"\xff\xd8\xff"):
        return TYPES["jpeg"]
    return TYPES["webp"] if head[8:12] == b"WEBP" else TYPES["png"]


def _png_size(head: bytes) -> tuple[int, ...]:
    """Width and height that a PNG's header says (PNG 11.2.2); nothing is decoded."""
    if len(head) < 24 or head[12:16] != b"IHDR":
        return ()
    return struct.unpack(">II", head[16:24])
