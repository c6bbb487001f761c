"""api/v1/session: a browser's cookie for the one-time key of a link, or for a token."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nobgd.web import sessions
from nobgd.web.native import read_json
from nobgd.web.problems import Problem
from nobgd.web.site import of, who
from nobgd.web.who import COOKIE


async def begin(request: Request) -> Response:
    """POST: {"key": …}."""
    key = (await read_json(request)).get("key")
    if not isinstance(key, str) or not key or len(key) > 200:
        raise Problem(400, "bad_request", 'send {"key": …}')
    answer = Response(status_code=204)
    answer.set_cookie(
        COOKIE, of(request).doorman.enter(key), max_age=int(sessions.SESSION_S), httponly=True,
        samesite="strict", secure=request.headers.get("x-forwarded-proto") == "https",
    )  # fmt: skip
    return answer


async def tell(request: Request) -> Response:
    """GET: who asks."""
    asker = who(request)
    return JSONResponse({"name": asker.name, "scopes": sorted(asker.scopes)})


async def end(request: Request) -> Response:
    """DELETE: forget the cookie."""
    if secret := request.cookies.get(COOKIE):
        sessions.end(of(request).doorman.sessions, secret)
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer
