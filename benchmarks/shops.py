"""Whether a product picture is as its shop asks, by the file that would be sent.

The rules are those named in `nobgd.config.presets`, with their sources.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.part import Verdict

_SEEN = 13  # of 255: alpha of 5 % and more can be seen
_BLOCK = 8  # pixels of a JPEG that are coded together: an edge rings no further


@dataclass(frozen=True, slots=True)
class Rule:
    """What a shop says of the main picture."""

    least: int  # of the longest side, in pixels
    most: int | None
    megabytes: float | None = None
    share: float = 0.85  # of the frame's side that the product fills: Amazon's, taken for all


RULES = {
    "amazon": Rule(1600, 10_000),  # 500 at least, 1,600 to be zoomed
    "ebay": Rule(1600, None),  # 500 at least, 1,600 recommended
    "shopify": Rule(2048, 2048, megabytes=20),
    "square-white": Rule(1, None),
}


def look(data: bytes, mask: bytes) -> dict[str, Any]:
    """What is to be seen of an output and, where the product is, of its mask; both as files."""
    with Image.open(io.BytesIO(data)) as picture, Image.open(io.BytesIO(mask)) as grey:
        pixels, alpha = np.asarray(picture.convert("RGB")), np.asarray(grey)
        kind, exif = picture.format, len(picture.getexif())
    seen = alpha >= _SEEN
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    height, width = alpha.shape
    longest = max(np.ptp(rows), np.ptp(columns)) + 1 if rows.size else 0
    empty = _empty(alpha)
    return {
        "format": kind, "size": [width, height], "mb": len(data) / 1e6, "exif": exif,
        "share": float(longest / max(width, height)),
        "ground": int(pixels[empty].min()) if empty.any() else None,
    }  # fmt: skip


def _empty(alpha: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Where the whole block of a JPEG has nothing of the product."""
    height, width = alpha.shape
    down, across = -(-height // _BLOCK), -(-width // _BLOCK)
    whole = np.zeros((down * _BLOCK, across * _BLOCK), bool)
    whole[:height, :width] = alpha > 0
    blocks = whole.reshape(down, _BLOCK, across, _BLOCK).any(axis=(1, 3))
    empty: np.ndarray[Any, np.dtype[np.bool_]] = ~blocks.repeat(_BLOCK, 0).repeat(_BLOCK, 1)
    return empty[:height, :width]


def verdicts(name: str, looks: list[dict[str, Any]]) -> list[Verdict]:
    """One for each thing that the shop asks for, by the worst of these pictures."""
    rule = RULES[name]
    share = min(each["share"] for each in looks)
    grounds = [each["ground"] or 0 for each in looks]  # 0: there is none
    sides = [max(each["size"]) for each in looks]
    square = all(each["size"][0] == each["size"][1] for each in looks)
    formats = {each["format"] for each in looks}
    mb, told = max(each["mb"] for each in looks), max(each["exif"] for each in looks)
    most = f" to {rule.most:,}" if rule.most and rule.most != rule.least else ""
    fits = min(sides) >= rule.least and (rule.most is None or max(sides) <= rule.most)
    found = [
        Verdict(f"{name}: the product's share of the frame", f"≥ {rule.share:.0%}",
                f"{share:.1%}", share >= rule.share),
        Verdict(f"{name}: ground, darkest value", "255", str(min(grounds)),
                min(grounds) == 255),
        Verdict(f"{name}: longest side, pixels, square",
                f"{rule.least:,}{most}" if rule.least > 1 else "square",
                f"{min(sides):,}" + ("" if square else ", not square"), fits and square),
        Verdict(f"{name}: format, EXIF", "JPEG, none" if name != "square-white" else "JPEG",
                f"{', '.join(sorted(formats))}, {told or 'none'}",
                formats == {"JPEG"} and (name == "square-white" or not told)),
    ]  # fmt: skip
    if rule.megabytes is not None:
        found.append(Verdict(f"{name}: size", f"≤ {rule.megabytes:g} MB", f"{mb:.2f} MB",
                             mb <= rule.megabytes))  # fmt: skip
    return found
