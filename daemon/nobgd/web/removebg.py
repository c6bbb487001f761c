"""remove.bg's API v1.0: POST v1.0/removebg, GET v1.0/account, POST v1.0/improve.

Source: APIs-guru/openapi-directory, APIs/remove.bg/1.0.0, and what its public clients send: they
read X-Credits-Charged as a whole number, and send empty fields for what they do not want.
Photos stay in full resolution whatever `size` says; no URL is ever fetched.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nobgd.web import forms, spec
from nobgd.web.cutting import cut_out
from nobgd.web.forms import Form
from nobgd.web.problems import Problem
from nobgd.web.rembg import ignored
from nobgd.web.results import Result
from nobgd.web.site import of, who

_FILES = frozenset({"image_file", "bg_image_file"})
_BASE64S = frozenset({"image_file_b64"})
_SIZES = frozenset({"preview", "small", "regular", "medium", "hd", "4k", "full", "50mp", "auto"})
_WHOLE = frozenset({"0% 0% 100% 100%"})
_IGNORED = ("type", "type_level", "semitransparency", "add_shadow", "shadow_type",
            "shadow_opacity")  # fmt: skip
_NAMES = {  # CSS's basic colours (CSS Color Module Level 3, 4.1)
    "black": "000000", "silver": "c0c0c0", "gray": "808080", "white": "ffffff", "maroon": "800000",
    "red": "ff0000", "purple": "800080", "fuchsia": "ff00ff", "green": "008000", "lime": "00ff00",
    "olive": "808000", "yellow": "ffff00", "navy": "000080", "blue": "0000ff", "teal": "008080",
    "aqua": "00ffff", "orange": "ffa500", "transparent": "",
}  # fmt: skip
_CODES = {  # ours → theirs, where they differ
    "not_a_picture": "invalid_file_type", "empty": "failed_to_read_image",
    "truncated": "failed_to_read_image", "broken": "failed_to_read_image",
    "unsupported": "invalid_file_type", "unsafe": "invalid_file_type",
    "too_large": "file_too_large",
    "no_session": "auth_failed", "no_scope": "auth_failed", "not_done": "rate_limit_exceeded",
}  # fmt: skip
_ACCOUNT = {
    "data": {
        "attributes": {
            "credits": {"total": 1_000_000, "subscription": 0, "payg": 1_000_000, "enterprise": 0},
            "api": {"free_calls": 1_000_000, "sizes": "all"},
        }
    }
}


def refused(problem: Problem) -> JSONResponse:
    """As remove.bg says it."""
    code = _CODES.get(problem.code, problem.code)
    if problem.code == "too_large" and problem.status == 422:
        code = "resolution_too_high"
    status = {401: 403, 422: 400}.get(problem.status, problem.status)
    error = {"title": problem.detail, "code": code}
    return JSONResponse({"errors": [error]}, status, problem.headers)


async def account(request: Request) -> Response:
    """GET v1.0/account: nothing is charged, and clients warn of small numbers."""
    try:
        who(request).may_cut_out()
    except Problem as problem:
        return refused(problem)
    return JSONResponse(_ACCOUNT)


async def improve(_request: Request) -> Response:
    """POST v1.0/improve: there is nobody to send pictures to."""
    return refused(Problem(501, "not_offered", "nobgd sends pictures to nobody"))


async def removebg(request: Request) -> Response:
    """POST v1.0/removebg."""
    site = of(request)
    try:
        who(request).may_cut_out()
        async with forms.received(request, site, _FILES, _BASE64S) as form:
            given = {name: value.strip() for name, value in form.fields.items() if value.strip()}
            wanted = _wanted(given)
            source = _source(form, given)
            found = await cut_out(site, source.upload, source.name, wanted)
    except Problem as problem:
        return refused(problem)
    passed = ignored(given, _passed_over(given))
    if "application/json" in request.headers.get("accept", ""):
        return await _as_json(found, passed)
    return found.answer({**_said(found), **passed})


def _source(form: Form, given: Mapping[str, str]) -> forms.Received:
    """The one photo.  A file part without bytes is a field that was left empty."""
    files = [each for each in form.files if each.upload.size]
    if any(each.field == "bg_image_file" for each in files) or given.get("bg_image_url"):
        raise Problem(400, "invalid_bg_image_url", "no picture can be the background here; send"
                      " bg_color, or lay it behind the PNG yourself")  # fmt: skip
    if "image_url" in given:
        if files:
            raise _several()
        raise Problem(400, "failed_image_download", "nobgd fetches no URL: send the picture itself"
                      " as image_file or image_file_b64")  # fmt: skip
    if len(files) > 1:
        raise _several()
    if not files:
        raise Problem(400, "missing_source", "send the picture as image_file or image_file_b64")
    return files[0]


def _several() -> Problem:
    return Problem(400, "multiple_sources", "send one of image_file, image_file_b64 and image_url")


def _wanted(given: Mapping[str, str]) -> spec.Spec:
    """What their parameters ask for.  Raises Problem with their code."""
    if (size := given.get("size", "auto").lower()) not in _SIZES:
        raise Problem(400, "invalid_size", f"size must be one of {', '.join(sorted(_SIZES))}")
    del size
    asked: dict[str, str] = {}
    colour = _colour(given.get("bg_color", ""))
    kind = given.get("format", "auto").lower()
    if kind not in ("auto", "png", "jpg", "webp"):
        raise Problem(400, "invalid_format", "format must be auto, png, jpg or webp")
    channels = given.get("channels", "rgba").lower()
    if channels not in ("rgba", "alpha"):
        raise Problem(400, "invalid_channels", "channels must be rgba or alpha")
    if channels == "alpha":
        asked["mask"] = "1"
    else:
        asked["format"] = {"auto": "jpeg" if colour else "png", "jpg": "jpeg"}.get(kind, kind)
        asked["background"] = colour
    if given.get("roi", "").lower() not in ("", *_WHOLE):
        raise Problem(400, "invalid_roi", "the whole picture is cut out; crop it before, or leave"
                      " roi away")  # fmt: skip
    if given.get("scale", "original").lower() not in ("original", "100%"):
        raise Problem(400, "invalid_scale", "scale is not offered; use crop with crop_margin")
    if given.get("position", "original").lower() not in ("original", "center", "50%", "50% 50%"):
        raise Problem(400, "invalid_position", "position must be original or center")
    if given.get("crop", "").lower() in ("true", "1"):
        asked["crop"] = "subject"
        asked["margin"] = _margin(given.get("crop_margin", "0"))
    return spec.read(asked)


def _colour(text: str) -> str:
    text = text.lower().removeprefix("#")
    text = _NAMES.get(text, text)
    if text == "":
        return ""
    if not re.fullmatch(r"[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8}", text):
        raise Problem(400, "invalid_bg_color", "bg_color must be hex digits or a colour's name")
    if len(text) < 6:
        text = "".join(2 * digit for digit in text)
    if text[6:] == "00":
        return ""
    if text[6:] not in ("", "ff"):
        raise Problem(400, "invalid_bg_color", "bg_color must be opaque, or wholly clear")
    return f"#{text[:6]}"


def _margin(text: str) -> str:
    values = text.lower().split()
    if len(set(values)) != 1 or not re.fullmatch(r"\d{1,4}(\.\d{1,3})?(px|%)?", values[0]):
        raise Problem(400, "invalid_crop_margin", "crop_margin must be one value, 30px or 10%")
    return values[0]


def _passed_over(given: Mapping[str, str]) -> tuple[str, ...]:
    less = given.get("size", "auto").lower() not in ("auto", "full", "4k", "50mp")
    return (*(("size",) if less else ()), *_IGNORED)


def _said(found: Result) -> dict[str, str]:
    said = {"X-Type": "other", "X-Credits-Charged": "0"}
    if found.sides:
        said |= {"X-Width": f"{found.sides[0]}", "X-Height": f"{found.sides[1]}"}
    return said | {f"X-Foreground-{name.title()}": str(at) for name, at in _box(found).items()}


def _box(found: Result) -> dict[str, int]:
    """Where the subject is in the photo, where a lane has looked."""
    if not found.box:
        return {}
    left, top, right, bottom = found.box
    return {"top": top, "left": left, "width": right - left, "height": bottom - top}


async def _as_json(found: Result, more: Mapping[str, str]) -> JSONResponse:
    data = base64.b64encode(await found.read()).decode("ascii")
    box = {f"foreground_{name}": at for name, at in _box(found).items()}
    told = {"data": {"result_b64": data, **box}}
    return JSONResponse(told, headers={**_said(found), **more})
