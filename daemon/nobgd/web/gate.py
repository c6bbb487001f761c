"""Before and after every request: the host it asks for, where it comes from, deadlines, headers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import h11
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nobgd.web.problems import Problem, response
from nobgd.web.who import LOOPBACK, Doorman

_CHUNK_S = 30.0  # between two parts of a body, or until the client has taken one of ours
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
_ALWAYS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"x-frame-options": b"DENY",
    b"permissions-policy": b"geolocation=(), microphone=(), camera=(self), payment=(), usb=()",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; sandbox",
    b"cache-control": b"private, no-store",
}


class Gate:
    """ASGI in, ASGI out."""

    def __init__(self, app: ASGIApp, doorman: Doorman, hosts: Iterable[str]) -> None:
        self._app = app
        self._doorman = doorman
        self._hosts = LOOPBACK | {socket.gethostname().lower(), *(h.lower() for h in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        with contextlib.suppress(ClientDisconnect):  # also while it is told what is wrong
            await self._request(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        outwards = _Outwards(send)
        request = Request(scope)
        try:
            host = self._host(request)
            scope.setdefault("state", {})["who"] = who = self._doorman.who(request, host)
            if request.method not in _SAFE and not who.key:
                _own_page(request)
            await self._app(scope, _patient(receive), outwards)
        except Problem as problem:
            await _answer(problem, scope, receive, outwards)
        except TimeoutError:
            slow = Problem(408, "too_slow", f"nothing came for {_CHUNK_S:g} s; send it again")
            await _answer(slow, scope, receive, outwards)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - one request's; the others go on
            sys.stderr.write(f"{request.method} {request.url.path}: {error!r}\n")
            ours = Problem(500, "internal", "nobgd made a mistake; its log has the reason")
            await _answer(ours, scope, receive, outwards)

    def _host(self, request: Request) -> str:
        asked = request.headers.get("host", "")
        try:
            name = (urlsplit(f"//{asked}").hostname or "").lower().rstrip(".")
        except ValueError:
            name = ""
        if name not in self._hosts:
            raise Problem(
                421, "wrong_host",
                f"nobgd is not called {asked[:100]!r}; if it should be, add it to web.hosts",
            )  # fmt: skip
        return name


def _own_page(request: Request) -> None:
    """What a browser sends must come from our own page.  As Go's CrossOriginProtection does it."""
    site = request.headers.get("sec-fetch-site")
    if site in ("same-origin", "none"):
        return
    origin = request.headers.get("origin")
    if site is None and origin is None:
        return  # no browser
    try:
        same = site is None and urlsplit(origin or "").netloc == request.headers.get("host")
    except ValueError:
        same = False
    if not same:
        raise Problem(403, "cross_site", "another site's page may not ask this of nobgd")


def _patient(receive: Receive) -> Receive:
    """Waits so long for each part of the body; for what follows it, a client's end, for ever."""
    whole = False

    async def within() -> Message:
        nonlocal whole
        if whole:
            return await receive()
        message = await asyncio.wait_for(receive(), _CHUNK_S)
        whole = not message.get("more_body", False)
        return message

    return within


class _Outwards:
    """Adds the headers that every answer has; gives up on who does not take it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            there = {name.lower() for name, _ in message["headers"]}
            more = [(name, value) for name, value in _ALWAYS.items() if name not in there]
            message = {**message, "headers": [*message["headers"], *more]}
        try:
            await asyncio.wait_for(self._send(message), _CHUNK_S)
        except h11.LocalProtocolError as error:
            # it sent what is no HTTP behind its request, and uvicorn has answered that
            raise ClientDisconnect from error


async def _answer(problem: Problem, scope: Scope, receive: Any, outwards: _Outwards) -> None:
    if outwards.begun:
        raise problem
    problem.headers.setdefault("Connection", "close")  # the rest of a body is not waited for
    await response(problem)(scope, receive, outwards)
