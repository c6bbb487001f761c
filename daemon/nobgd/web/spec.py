"""What a client wants a cut-out rendered to: read from text, strictly; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nobgd.web.problems import Problem

KEYS = ("format", "quality", "compression", "background", "crop", "margin", "canvas",
        "longest_side", "mask")  # fmt: skip
TYPES = {"png": "image/png", "webp": "image/webp", "jpeg": "image/jpeg"}
_NAMED = {"white": "#ffffff", "black": "#000000", "none": "none", "": "none"}
_LONGEST = 20_000  # pixels of a side
_CANVAS_PIXELS = 100_000_000  # as in the configuration


@dataclass(frozen=True, slots=True)
class Spec:
    """As the daemon's errand takes it; the default is the cut-out as it is."""

    format: str = "png"
    quality: int = 90
    compression: str = "fast"
    background: str = "none"  # none | #rrggbb
    crop: str = "none"  # none | subject
    margin: str = "0"  # "30" pixels | "5%"
    canvas: str = ""  # "2000x2000"
    longest_side: int = 0
    mask: bool = False

    @property
    def plain(self) -> bool:
        """Whether nothing is to be done."""
        return self in (Spec(), Spec(quality=self.quality))

    @property
    def media_type(self) -> str:
        """Of the answer."""
        return TYPES[self.format]

    def fields(self) -> dict[str, Any]:
        """For the daemon, as `config.Output` has them."""
        said = asdict(self)
        return {**said, "canvas": self.canvas or None, "longest_side": self.longest_side or None}


def read(given: Mapping[str, str]) -> Spec:
    """Raises Problem 400 with the key and what it may be."""
    values: dict[str, Any] = {}
    for key in KEYS:
        text = str(given.get(key, "")).strip().lower()
        if text:
            values[key] = _value(key, text)
    spec = Spec(**values)
    if spec.mask and spec.format != "png":
        raise _wrong("mask", "1 only with format=png")
    if spec.format == "jpeg" and spec.background == "none":
        values["background"] = "#ffffff"
    return Spec(**values)


def _value(key: str, text: str) -> Any:
    match key:
        case "format":
            return _one_of(key, {"jpg": "jpeg"}.get(text, text), ("png", "webp", "jpeg"))
        case "compression":
            return _one_of(key, text, ("fast", "balanced"))
        case "crop":
            return _one_of(key, {"true": "subject", "1": "subject"}.get(text, text),
                           ("none", "subject"))  # fmt: skip
        case "background":
            return colour(key, text)
        case "quality":
            return _whole(key, text, 1, 100)
        case "longest_side":
            return _whole(key, text, 1, _LONGEST)
        case "mask":
            return _one_of(key, text, ("1", "true", "0", "false")) in ("1", "true")
        case "margin":
            found = re.fullmatch(r"(\d{1,4}(?:\.\d{1,3})?)(px|%)?", text)
            if not found or float(found[1]) > (100 if found[2] == "%" else 2000):
                raise _wrong(key, "pixels up to 2000, or a share up to 100%")
            return text.removesuffix("px")
        case _:  # canvas
            found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
            if not found or not 0 < int(found[1]) * int(found[2]) <= _CANVAS_PIXELS:
                raise _wrong(key, "like 2000x2000, 100 megapixels at most")
            return text


def colour(key: str, text: str) -> str:
    """#rrggbb of a name or of 3 or 6 digits."""
    if text in _NAMED:
        return _NAMED[text]
    found = re.fullmatch(r"#?([0-9a-f]{3}|[0-9a-f]{6})", text)
    if not found:
        raise _wrong(key, "none, white, black or #rrggbb")
    digits = found[1] if len(found[1]) == 6 else "".join(2 * each for each in found[1])
    return f"#{digits}"


def _whole(key: str, text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"\d{1,6}", text) or not least <= int(text) <= most:
        raise _wrong(key, f"a whole number from {least} to {most}")
    return int(text)


def _one_of(key: str, text: str, values: tuple[str, ...]) -> str:
    if text not in values:
        raise _wrong(key, " or ".join(values))
    return text


def _wrong(key: str, what: str) -> Problem:
    return Problem(400, "bad_request", f"{key} must be {what}")
