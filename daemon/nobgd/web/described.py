"""GET api/v1/openapi.json: the routes for machines, from the routes themselves (OpenAPI 3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from starlette.routing import Route

from nobgd import __version__

_PART = re.compile(r"\{(\w+)\}")
_PROBLEM = {
    "description": "what is wrong, with the way out",
    "content": {"application/problem+json": {"schema": {
        "type": "object",
        "properties": {
            "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
            "code": {"type": "string"}, "detail": {"type": "string"},
        },
        "required": ["title", "status", "code", "detail"],
    }}},
}  # fmt: skip


def openapi(routes: Iterable[Route]) -> dict[str, Any]:
    """The document; summaries are the first lines of what the handlers say of themselves."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        names = _PART.findall(route.path)
        said = (route.endpoint.__doc__ or "").strip().partition("\n")[0]
        for method in sorted((route.methods or set()) - {"HEAD"}):
            paths.setdefault(route.path, {})[method.lower()] = {
                "summary": said,
                "parameters": [
                    {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                    for name in names
                ],
                "responses": {"default": _PROBLEM, "2XX": {"description": "see docs/api.md"}},
                "security": [{"key": []}, {"bearer": []}, {"session": []}],
            }
    schemes = {
        "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "nobgd"},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "nobgd", "version": __version__,
                 "description": "docs/api.md says what each takes and gives."},
        "paths": paths,
        "components": {"securitySchemes": schemes},
    }  # fmt: skip
