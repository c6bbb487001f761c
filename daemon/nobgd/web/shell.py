"""GET / and static/NAME: the page's own files."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from nobgd.web import frame
from nobgd.web.gate import PAGE_POLICY
from nobgd.web.problems import Problem

_YEAR_S = 365 * 86_400


async def page(request: Request) -> Response:
    """GET /: the frame, in the language that the browser asks for."""
    asked = request.query_params.get("lang")
    lang = frame.language(
        asked, request.cookies.get(frame.COOKIE), request.headers.get("accept-language", "")
    )
    answer = _answer(request, frame.index(lang))
    answer.headers["Content-Security-Policy"] = PAGE_POLICY
    answer.headers["Content-Language"] = lang
    answer.headers["Vary"] = "Accept-Language, Accept-Encoding, Cookie"
    if asked == lang:
        answer.set_cookie(frame.COOKIE, lang, max_age=_YEAR_S, samesite="strict")
    return answer


async def static(request: Request) -> Response:
    """GET static/NAME: one of the files that lie there, and no other."""
    found = frame.files().get(request.path_params["name"])
    if found is None:
        raise Problem(404, "not_found", "there is no such file")
    return _answer(request, found)


def _answer(request: Request, asset: frame.Asset) -> Response:
    """Its bytes, or that the browser's copy is still good: it asks each time, as files change."""
    headers = {"ETag": asset.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    body = asset.body
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = asset.zipped
    return Response(body, headers=headers, media_type=asset.media_type)
