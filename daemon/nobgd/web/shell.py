"""The page's own files: the shell with its words filled in, and static/ as it lies there."""

from __future__ import annotations

import hashlib
import html
import json
import re
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from nobgd.web.gate import PAGE_POLICY
from nobgd.web.problems import Problem

_HERE = Path(__file__).parent
_LANGUAGES = {"en": "English", "zh-CN": "中文"}
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_WORD = re.compile(r"\{\{(\w+)\}\}")


def there() -> bool:
    """Whether the files of a page lie here."""
    return (_HERE / "static" / "index.html").is_file()


async def page(request: Request) -> Response:
    """GET /: the shell, in the language that the browser asks for."""
    language = _language(request)
    answer = _answer(request, _shell(language), "text/html")
    answer.headers["Content-Security-Policy"] = PAGE_POLICY
    answer.headers["Vary"] = "Accept-Language, Cookie"
    answer.headers["Content-Language"] = language
    if request.query_params.get("lang") == language:
        answer.set_cookie("lang", language, max_age=365 * 86_400, samesite="strict")
    return answer


async def static(request: Request) -> Response:
    """GET static/NAME: one of the files that lie there, and no other."""
    name = request.path_params["name"]
    if name not in _names():
        raise Problem(404, "not_found", "there is no such file")
    path = _HERE / "static" / name
    return _answer(request, path.read_bytes(), _TYPES[path.suffix])


def _answer(request: Request, data: bytes, media_type: str) -> Response:
    tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type=media_type)


@cache
def _names() -> frozenset[str]:
    return frozenset(p.name for p in (_HERE / "static").glob("*") if p.suffix in _TYPES)


@cache
def _shell(language: str) -> bytes:
    words = json.loads((_HERE / "words" / f"{language}.json").read_text(encoding="utf-8"))
    other = next(name for name in _LANGUAGES if name != language)
    plain = json.dumps(words, ensure_ascii=False).replace("<", "\\u003c")
    filled = {**{key: html.escape(str(value)) for key, value in words.items()}, "lang": language,
              "other": other, "other_name": _LANGUAGES[other], "words": plain}  # fmt: skip
    text = (_HERE / "static" / "index.html").read_text(encoding="utf-8")
    return _WORD.sub(lambda found: filled[found[1]], text).encode()


def _language(request: Request) -> str:
    for asked in (request.query_params.get("lang"), request.cookies.get("lang")):
        if asked in _LANGUAGES:
            return asked
    for part in request.headers.get("accept-language", "").split(","):
        tag = part.partition(";")[0].strip().lower()
        if tag.startswith("zh"):
            return "zh-CN"
        if tag.startswith("en"):
            return "en"
    return "en"
