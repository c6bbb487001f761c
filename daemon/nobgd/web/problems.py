"""What goes wrong with a request: a status, a code, one sentence with the way out (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

TITLES = {
    400: "Bad request", 401: "Not known", 403: "Not allowed", 404: "Not found", 408: "Too slow",
    405: "Method not allowed", 409: "Not possible now", 411: "Length required", 413: "Too large",
    421: "Wrong host", 422: "Cannot be cut out", 429: "Too many", 500: "Internal error",
    501: "Not offered", 503: "Not available", 507: "No room",
}  # fmt: skip


class Problem(Exception):  # noqa: N818 - an answer
    """Ends a request; each dialect says it in its own words."""

    def __init__(
        self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})


def response(problem: Problem) -> JSONResponse:
    """As our own API says it."""
    return JSONResponse(
        {
            "type": "about:blank",
            "title": TITLES.get(problem.status, "Problem"),
            "status": problem.status,
            "code": problem.code,
            "detail": problem.detail,
        },
        problem.status,
        problem.headers,
        "application/problem+json",
    )
