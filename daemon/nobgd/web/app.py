"""All routes, behind the gate."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from nobgd.web import (
    described,
    live,
    looking,
    many,
    native,
    rembg,
    removebg,
    session,
    shell,
    touching,
)
from nobgd.web.gate import Gate
from nobgd.web.problems import Problem
from nobgd.web.site import Site

_V1 = "/api/v1"
_NATIVE = [
    Route("/", shell.page),
    Route("/static/{name}", shell.static),
    Route("/drop", native.form, methods=["POST"]),
    Route(f"{_V1}/session", session.begin, methods=["POST"]),
    Route(f"{_V1}/session", session.tell),
    Route(f"{_V1}/session", session.end, methods=["DELETE"]),
    Route(f"{_V1}/photos", native.put, methods=["PUT"]),
    Route(f"{_V1}/photos", looking.listed),
    Route(f"{_V1}/photos/{{id}}", native.one),
    Route(f"{_V1}/photos/{{id}}/preview/{{what}}/{{side}}", looking.preview),
    Route(f"{_V1}/actions", many.act, methods=["POST"]),
    Route(f"{_V1}/zip", many.archive, methods=["POST"]),
    Route(f"{_V1}/report", looking.report),
    Route(f"{_V1}/config", looking.config),
    Route(f"{_V1}/photos/{{id}}/result", native.cut),
    *(
        Route(f"{_V1}/photos/{{id}}/{verb}", native.act, methods=["POST"])
        for verb in ("retry", "accept", "reject", "reopen")
    ),
    Route(f"{_V1}/photos/{{id}}/mask", touching.put, methods=["PUT"]),
    Route(f"{_V1}/photos/{{id}}/mask", touching.delete, methods=["DELETE"]),
    Route(f"{_V1}/photos/{{id}}/redo", native.redo, methods=["POST"]),
    Route(f"{_V1}/cutout", native.cutout, methods=["POST"]),
    Route(f"{_V1}/status", native.status),
    Route(f"{_V1}/events", live.events),
    Route(f"{_V1}/pause", native.pause, methods=["POST"]),
    Route(f"{_V1}/resume", native.pause, methods=["POST"]),
]
_COMPATIBLE = {
    "rembg": [
        Route("/api/remove", rembg.get),
        Route("/api/remove", rembg.post, methods=["POST"]),
        Route("/api/remove-background", rembg.post, methods=["POST"]),
    ],
    "removebg": [
        Route("/v1.0/removebg", removebg.removebg, methods=["POST"]),
        Route("/v1.0/account", removebg.account),
        Route("/v1.0/improve", removebg.improve, methods=["POST"]),
    ],
}


async def _openapi(_request: Request) -> Response:
    """GET api/v1/openapi.json."""
    every = [*_NATIVE, *(route for routes in _COMPATIBLE.values() for route in routes)]
    return JSONResponse(described.openapi(every))


_NATIVE.append(Route(f"{_V1}/openapi.json", _openapi))


def app(site: Site) -> ASGIApp:
    """ASGI, to be served."""
    assert site.config.web is not None  # noqa: S101 - else there is no site
    routes = [*_NATIVE, *(r for name in site.config.web.compat for r in _COMPATIBLE[name])]
    router = Router(routes, redirect_slashes=False, default=_nothing)

    async def inside(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["site"] = site
        await router(scope, receive, send)

    return Gate(inside, site.doorman, site.config.web.hosts)


async def _nothing(scope: Scope, _receive: Receive, _send: Send) -> None:
    path = Request(scope).url.path
    raise Problem(404, "not_found", f"there is nothing at {path[:200]}; see docs/api.md")
