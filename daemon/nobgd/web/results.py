"""A cut-out's file as an answer: its type ours, its name the client's."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from starlette.responses import StreamingResponse

from nobgd.config import webbing
from nobgd.fs.beneath import open_beneath
from nobgd.web import photos
from nobgd.web.photos import Photo
from nobgd.web.problems import Problem
from nobgd.web.site import Site
from nobgd.web.spec import Spec

_PART = 1 << 18
_ENDINGS = {"png": ".png", "webp": ".webp", "jpeg": ".jpg"}


@dataclass(frozen=True, slots=True)
class Result:
    """An open file; `answer` or `read` closes it."""

    file: int
    size: int
    name: str  # as the client would call it
    media_type: str
    width: int | None
    height: int | None

    def answer(
        self, headers: Mapping[str, str] | None = None, *, attached: bool = False
    ) -> StreamingResponse:  # fmt: skip
        """Its bytes, in parts."""
        kind = "attachment" if attached else "inline"
        plain = self.name.encode("ascii", "replace").decode().translate({34: "_", 92: "_"})
        return StreamingResponse(
            self._parts(),
            headers={
                "Content-Length": str(self.size),
                "Content-Disposition": f'{kind}; filename="{plain.replace("?", "_")}";'
                f" filename*=UTF-8''{quote(self.name, safe='')}",
                **(headers or {}),
            },
            media_type=self.media_type,
        )

    async def _parts(self) -> AsyncIterator[bytes]:
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
        return b"".join([part async for part in self._parts()])


async def result(site: Site, photo: Photo, spec: Spec) -> Result:
    """The cut-out as it is asked for.  Raises Problem."""
    photos.done(photo)
    if not spec.plain:
        raise Problem(501, "not_offered", "only the cut-out as it is; ask without rendering keys")
    if not photos.mine(site, photo) or photo.output is None:
        raise Problem(409, "not_mine", "its cut-out lies in its own outbox; fetch it there")
    name = _called(site, photo, spec)
    return await asyncio.to_thread(_open, webbing.out(site.config), photo.output, name, spec)


def _called(site: Site, photo: Photo, spec: Spec) -> str:
    suffix = site.inboxes[photo.inbox].output.suffix
    stem = os.fsencode(os.path.splitext(photo.name)[0]).decode("utf-8", "replace")
    return f"{stem}{'_mask' if spec.mask else suffix}{_ENDINGS[spec.format]}"


def _open(folder: Path, relpath: str, name: str, spec: Spec) -> Result:
    try:
        root = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            file = open_beneath(root, relpath, os.O_RDONLY | os.O_NONBLOCK)
        finally:
            os.close(root)
        size = os.fstat(file).st_size
        width, height = _png_size(os.pread(file, 24, 0))
    except OSError:
        raise Problem(
            404, "not_found", "its cut-out has been moved or deleted; hand the photo in again"
        ) from None
    return Result(file, size, name, spec.media_type, width, height)


def _png_size(head: bytes) -> tuple[int | None, int | None]:
    """Width and height that a PNG's header says (PNG 11.2.2); nothing is decoded."""
    if len(head) < 24 or head[12:16] != b"IHDR":
        return None, None
    width, height = struct.unpack(">II", head[16:24])
    return width, height
