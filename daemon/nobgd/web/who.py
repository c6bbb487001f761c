"""Who asks, and what it may: a token, a browser's session, somebody on this machine, or nobody."""

from __future__ import annotations

import ipaddress
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from nobgd.web import sessions
from nobgd.web.problems import Problem
from nobgd.web.tokens import SCOPES, Tokens

COOKIE = "nobgd"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "x-forwarded-host", "via")
_FAILURES, _HOUR_S = 60, 3600.0  # keys tried in vain


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks."""

    name: str | None = None
    scopes: frozenset[str] = frozenset()
    key: bool = False  # it showed a token, which no foreign page can make a browser do
    local: bool = False  # a program on this machine, asked by no proxy

    def need(self, scope: str) -> None:
        """Raises Problem 401 or 403 unless it may."""
        if scope in self.scopes:
            return
        if self.name is None:
            raise Problem(
                401, "no_session",
                "open the link that `nobgd web open` prints, or send a token of `nobgd web token"
                " add NAME` as X-Api-Key or Authorization: Bearer",
                {"WWW-Authenticate": "Bearer"},
            )  # fmt: skip
        raise Problem(
            403, "no_scope",
            f"{self.name} may {', '.join(sorted(self.scopes)) or 'nothing'}; this needs {scope}:"
            f" `nobgd web token add NAME --scope {scope}`",
        )  # fmt: skip

    def may_cut_out(self) -> None:
        """The one call that hands in and gets back is also for programs on this machine."""
        if not self.local:
            self.need("submit")


class Doorman:
    """Tells who asks by what a request carries."""

    def __init__(self, tokens: Tokens, folder: Path) -> None:
        self._tokens = tokens
        self.sessions = folder
        self._failed: deque[float] = deque(maxlen=_FAILURES)

    def who(self, request: Request, host: str) -> Who:
        """See `Who`.  An unknown key is nobody's; on loopback it is the foreign client's habit."""
        local = _local(request, host)
        if (secret := shown_key(request)) is not None:
            token = None if self._locked() else self._tokens.find(secret)
            if token is not None:
                return Who(token.name, frozenset(token.scopes), key=True, local=local)
            if not local:
                self._failed.append(time.monotonic())
            return Who(local=local)
        secret = request.cookies.get(COOKIE)
        session = sessions.find(self.sessions, secret) if secret else None
        if session is not None and self._still(session):
            return Who(session.name, frozenset(session.scopes), local=local)
        return Who(local=local)

    def by_key(self, secret: str) -> Who:
        """Who shows this token in a form's field."""
        token = None if self._locked() or not secret else self._tokens.find(secret)
        if token is None:
            self._failed.append(time.monotonic())
            return Who()
        return Who(token.name, frozenset(token.scopes), key=True)

    def enter(self, secret: str) -> str:
        """A session for the one-time key of a link, or for a token.  Raises Problem."""
        if self._locked():
            raise Problem(429, "no_session", "too many wrong keys; try again in an hour",
                          {"Retry-After": "3600"})  # fmt: skip
        if (link := sessions.redeem(self.sessions, secret)) is not None:
            return sessions.begin(self.sessions, link.name, SCOPES)
        if (token := self._tokens.find(secret)) is not None:
            return sessions.begin(self.sessions, f"token {token.name}", token.scopes)
        self._failed.append(time.monotonic())
        raise Problem(
            401, "no_session",
            "this link was used, or is older than ten minutes: `nobgd web open` prints another",
        )  # fmt: skip

    def _still(self, session: sessions.Session) -> bool:
        """A session by a token ends with it."""
        _, token, name = session.name.partition("token ")
        return not token or any(each.name == name for each in self._tokens.all())

    def _locked(self) -> bool:
        full = len(self._failed) == _FAILURES
        return full and time.monotonic() - self._failed[0] < _HOUR_S


def shown_key(request: Request) -> str | None:
    """The token that a request carries, if any."""
    if key := request.headers.get("x-api-key"):
        return key
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else None


def _local(request: Request, host: str) -> bool:
    peer = request.client.host if request.client else ""
    try:
        near = ipaddress.ip_address(peer).is_loopback
    except ValueError:  # a Unix socket: a proxy's
        near = False
    return near and host in LOOPBACK and not any(name in request.headers for name in _FORWARDED)
