"""The page's frame in the reader's language, its words filled in, and the files it loads.

All of it is read once; what a browser may ask for is this list and nothing else, so that no path
is ever made from a request.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

LANGUAGES = ("en", "zh-CN")
COOKIE = "nobgd_lang"
_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
_HOLE = re.compile(r"\{\{(\w+)\}\}")
_QUALITY = re.compile(r"\s*;\s*q\s*=\s*")


@dataclass(frozen=True, slots=True)
class Asset:
    """Bytes as they are sent, and what they are."""

    body: bytes
    zipped: bytes
    media_type: str
    etag: str


def language(asked: str | None, cookie: str | None, accepts: str) -> str:
    """What is asked for in the address, else remembered, else the browser's first that we have."""
    for known in (asked, cookie):
        if known in LANGUAGES:
            return str(known)
    for tag in _by_preference(accepts):
        if tag == "en" or tag.startswith("en-"):
            return "en"
        if tag == "zh" or tag.startswith("zh-"):
            return "zh-CN"
    return LANGUAGES[0]


def _by_preference(accepts: str) -> list[str]:
    ranked = []
    for part in accepts.lower().split(","):
        tag, *weight = _QUALITY.split(part.strip(), maxsplit=1)
        try:
            quality = float(weight[0]) if weight else 1.0
        except ValueError:
            continue
        if tag and quality > 0:
            ranked.append((-quality, tag))
    return [tag for _, tag in sorted(ranked, key=lambda each: each[0])]


@cache
def words(lang: str) -> Mapping[str, str]:
    """What the page says, by key."""
    found: dict[str, str] = json.loads(_read("words", f"{lang}.json"))
    return found


@cache
def index(lang: str) -> Asset:
    """The frame; its words are text, and data for the scripts."""
    told = words(lang)
    data = json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")

    def fill(hole: re.Match[str]) -> str:
        return data if hole[1] == "words" else html.escape(told[hole[1]])

    text = _HOLE.sub(fill, _read("static", "index.html").decode())
    return _asset(text.encode(), "text/html; charset=utf-8")


@cache
def files() -> Mapping[str, Asset]:
    """What index.html loads from static/, by name."""
    found = {}
    for each in (resources.files(__package__) / "static").iterdir():
        kind = _TYPES.get(each.name.rpartition(".")[2])
        if kind:
            found[each.name] = _asset(each.read_bytes(), kind)
    return found


def _read(folder: str, name: str) -> bytes:
    return (resources.files(__package__) / folder / name).read_bytes()


def _asset(body: bytes, media_type: str) -> Asset:
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    return Asset(body, gzip.compress(body, 9, mtime=0), media_type, etag)
