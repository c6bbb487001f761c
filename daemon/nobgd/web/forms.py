"""Bodies with fields and files: multipart, urlencoded and JSON.

A file's bytes are written to a temporary file of the drop folder as they come.  What a field may
be is bounded; Base64 of a photo counts as a file.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from nobgd.web import drop
from nobgd.web.drop import Upload
from nobgd.web.problems import Problem
from nobgd.web.site import Site

_MOST_PARTS = 64
_LONGEST_FIELD = 1 << 16
_LONGEST_TEXT = 45_000_000  # a body that is not streamed: 32 MB of a photo in Base64
_SLICE = 1 << 20
_DATA_URL = re.compile(r"\s*data:[\w/.+-]{0,100}(;[\w=.-]{0,100})*;base64,")


@dataclass(frozen=True, slots=True)
class Received:
    """A file of a form, whole and not yet published."""

    field: str
    name: str  # the client's, "" where it gave none
    upload: Upload


@dataclass(slots=True)
class Form:
    """What came."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[Received] = field(default_factory=list)
    several: dict[str, list[str]] = field(default_factory=dict)  # every value of each field

    def put(self, name: str, value: str) -> None:
        """A field; of several of one name the last counts."""
        self.fields[name] = value
        self.several.setdefault(name, []).append(value)

    def close(self) -> None:
        """What was not published goes."""
        for each in self.files:
            each.upload.close()


@contextlib.asynccontextmanager
async def received(
    request: Request, site: Site, files: frozenset[str], base64s: frozenset[str] = frozenset()
) -> AsyncIterator[Form]:
    """The form of a request; ``files`` and ``base64s`` are names of fields that are photos.

    Raises Problem.
    """
    form = Form()
    kind, options = parse_options_header(request.headers.get("content-type"))
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > drop.LONGEST + _LONGEST_TEXT:
        raise drop.too_large()
    try:
        async with site.receiving:
            match kind:
                case b"multipart/form-data":
                    reader = _Multipart(site, form, files, base64s)
                    await reader.read(request, options.get(b"boundary", b""))
                case b"application/x-www-form-urlencoded" | b"application/json":
                    await _text(request, site, form, base64s, kind)
                case _:
                    raise Problem(
                        400, "bad_request",
                        "send multipart/form-data, application/x-www-form-urlencoded or JSON",
                    )  # fmt: skip
        yield form
    finally:
        form.close()


async def _text(
    request: Request, site: Site, form: Form, base64s: frozenset[str], kind: bytes
) -> None:  # fmt: skip
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_TEXT:
            raise Problem(413, "too_large", "more than 32 MB of Base64; send the file as multipart")
    try:
        pairs = list(_pairs(body, kind))
    except ValueError:
        raise Problem(400, "bad_request", "the body is not what its Content-Type says") from None
    del body
    for name, value in pairs:
        if name in base64s and value.strip():
            await _Encoded(await _begun(site, form, name, "")).all(value)
        elif len(value) > _LONGEST_FIELD:
            raise Problem(400, "bad_request", f"the field {name[:40]!r} is too long")
        else:
            form.put(name, value)


def _pairs(body: bytearray, kind: bytes) -> Iterator[tuple[str, str]]:
    if kind != b"application/json":
        yield from parse_qsl(
            body.decode("utf-8", "strict"), keep_blank_values=True, max_num_fields=_MOST_PARTS
        )
        return
    try:
        found = json.loads(body or b"{}")
    except RecursionError:
        raise ValueError from None
    if not isinstance(found, dict) or len(found) > _MOST_PARTS:
        raise ValueError
    for name, value in found.items():
        for each in value if isinstance(value, list) else [value]:
            yield name, _plain(each)


def _plain(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _begun(site: Site, form: Form, name: str, filename: str) -> Upload:
    await site.queue.enter()
    upload = await site.drop.upload()
    form.files.append(Received(name, filename, upload))
    return upload


class _Encoded:
    """Base64 that becomes a file as it comes; also as a data: URL."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._rest = ""
        self._begun = False

    async def write(self, text: str) -> None:
        """More of it.  Raises Problem."""
        text = self._rest + text
        if not self._begun:
            if len(text) < 256:  # a data: URL's head may be cut
                self._rest = text
                return
            text = self._head(text)
        text = "".join(text.split()).replace("-", "+").replace("_", "/")
        whole = len(text) - len(text) % 4
        self._rest = text[whole:]
        await self._decode(text[:whole])

    def _head(self, text: str) -> str:
        self._begun = True
        found = _DATA_URL.match(text)
        return text[found.end() :] if found else text

    async def all(self, text: str) -> None:
        """The whole of it."""
        for at in range(0, len(text), _SLICE):
            await self.write(text[at : at + _SLICE])
        await self.close()

    async def close(self) -> None:
        """There is no more."""
        if not self._begun:
            text, self._rest = self._head(self._rest), ""
            await self.write(text)
        await self._decode(self._rest + "=" * (-len(self._rest) % 4))

    async def _decode(self, text: str) -> None:
        try:
            await self._upload.write(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            raise Problem(400, "not_a_picture", "this is not Base64 of a photo") from None


class _Multipart:
    """python-multipart's events, taken in turn: its callbacks cannot wait for a disk."""

    def __init__(
        self, site: Site, form: Form, files: frozenset[str], base64s: frozenset[str]
    ) -> None:  # fmt: skip
        self._site = site
        self._form = form
        self._files = files
        self._base64s = base64s
        self._events: list[tuple[str, bytes]] = []
        self._headers: dict[str, bytes] = {}
        self._header = bytearray()
        self._value = bytearray()
        self._field = ""
        self._text = bytearray()
        self._to: Upload | _Encoded | None = None
        self._parts = 0
        self._ended = False

    async def read(self, request: Request, boundary: bytes) -> None:
        """All of the request's body.  Raises Problem."""
        try:
            parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": lambda: self._put("begin"),
                    "on_header_field": lambda data, start, end: self._put("name", data[start:end]),
                    "on_header_value": lambda data, start, end: self._put("value", data[start:end]),
                    "on_header_end": lambda: self._put("header"),
                    "on_headers_finished": lambda: self._put("headers"),
                    "on_part_data": lambda data, start, end: self._put("data", data[start:end]),
                    "on_part_end": lambda: self._put("end"),
                    "on_end": lambda: self._put("all"),
                },
            )
            async for chunk in request.stream():
                if chunk:
                    parser.write(chunk)
                events, self._events = self._events, []
                for kind, data in events:
                    await self._take(kind, data)
        except FormParserError:
            raise Problem(400, "bad_request", "the multipart body is damaged") from None
        if not self._ended:
            raise Problem(400, "bad_request", "the multipart body has no end; was it cut off?")

    def _put(self, kind: str, data: bytes = b"") -> None:
        self._events.append((kind, data))

    async def _take(self, kind: str, data: bytes) -> None:
        match kind:
            case "begin":
                self._parts += 1
                if self._parts > _MOST_PARTS:
                    raise Problem(400, "bad_request", f"more than {_MOST_PARTS} parts")
                self._headers, self._to, self._text = {}, None, bytearray()
            case "name":
                self._header += data
            case "value":
                self._value += data
            case "header":
                self._headers[self._header.decode("latin-1").lower()] = bytes(self._value)
                self._header, self._value = bytearray(), bytearray()
            case "headers":
                await self._part()
            case "data":
                await self._data(data)
            case "end":
                await self._end()
            case "all":
                self._ended = True

    async def _part(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition"))
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        if self._field in self._files:
            filename = options.get(b"filename", b"").decode("utf-8", "replace")
            self._to = await _begun(self._site, self._form, self._field, filename)
        elif self._field in self._base64s:
            self._to = _Encoded(await _begun(self._site, self._form, self._field, ""))

    async def _data(self, data: bytes) -> None:
        if isinstance(self._to, Upload):
            await self._to.write(data)
        elif self._to is not None:
            await self._to.write(data.decode("ascii", "replace"))
        else:
            self._text += data
            if len(self._text) > _LONGEST_FIELD:
                raise Problem(400, "bad_request", f"the field {self._field[:40]!r} is too long")

    async def _end(self) -> None:
        if isinstance(self._to, _Encoded):
            await self._to.close()
        elif self._to is None and self._field:
            self._form.put(self._field, self._text.decode("utf-8", "replace"))
