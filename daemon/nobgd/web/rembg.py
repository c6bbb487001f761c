"""rembg's own API, as `rembg s` has it: POST api/remove with the field file.

Source: rembg 2.0.86, rembg/commands/s_command.py.  In POST `bgc` and `extras` are query parameters
and the rest are form fields; both are read from both here.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nobgd.web import forms, spec
from nobgd.web.cutting import cut_out
from nobgd.web.forms import Form, Received
from nobgd.web.problems import Problem
from nobgd.web.site import of, who

_FILES = frozenset({"file"})
_TRUE = frozenset({"1", "true", "on", "yes"})
_IGNORED = ("model", "a", "af", "ab", "ae", "ppm", "extras")
_NO_URL = (
    "nobgd fetches no URL: send the picture itself, as multipart/form-data in the field file, by"
    " POST"
)


def refused(problem: Problem) -> JSONResponse:
    """As FastAPI says it."""
    return JSONResponse({"detail": problem.detail}, problem.status, problem.headers)


async def get(_request: Request) -> Response:
    """GET api/remove?url=: refused."""
    return refused(Problem(400, "no_url", _NO_URL))


async def post(request: Request) -> Response:
    """POST api/remove."""
    site = of(request)
    try:
        who(request).may_cut_out()
        async with forms.received(request, site, _FILES) as form:
            given = {**request.query_params, **form.fields}
            sent = _only(form)
            found = await cut_out(site, sent.upload, sent.name, wanted(given))
    except Problem as problem:
        return refused(problem)
    return found.answer(ignored(given, _IGNORED))


def wanted(given: Mapping[str, str]) -> spec.Spec:
    """What rembg's parameters ask for.  Raises Problem."""
    asked = {"mask": "1"} if given.get("om", "").lower() in _TRUE else {}
    if not asked:
        asked["background"] = _ground(given.get("bgc", ""))
    return spec.read(asked)


def _ground(text: str) -> str:
    if not text:
        return ""
    parts = text.split(",")
    if len(parts) != 4 or not all(p.isdigit() and int(p) < 256 for p in parts):
        raise Problem(400, "bad_request", "bgc must be r,g,b,a, each 0 to 255")
    red, green, blue, alpha = map(int, parts)
    if alpha not in (0, 255):
        raise Problem(400, "bad_request", "the a of bgc must be 255, or 0 for none")
    return f"#{red:02x}{green:02x}{blue:02x}" if alpha else ""


def _only(form: Form) -> Received:
    if not form.files:
        raise Problem(422, "missing", "the field file is missing")
    return form.files[0]


def ignored(given: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """The header that names what was passed over."""
    passed = [name for name in names if given.get(name, "").strip()]
    return {"X-Nobgd-Ignored": ", ".join(passed)} if passed else {}
