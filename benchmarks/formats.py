"""HEIC, AVIF and raw photos beside JPEG: the same 12 megapixels, decoded in turns, CPU time."""

from __future__ import annotations

import io
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import photos
from benchmarks.part import Bench, Verdict, at_most
from nobgd import models
from nobgd.inference import local
from nobgd.picture import cutting
from nobgd.picture.decode import decode, look
from nobgd.picture.encode import encode

_SIZE = (4000, 3000)
_TESTS = str(Path(__file__).parent.parent / "tests")  # raw photos are made there


def _files(source: Path, size: tuple[int, int], work: Path) -> dict[str, bytes]:
    import pillow_heif

    sys.path.append(_TESTS)
    from picture.negatives import dng

    pillow_heif.register_heif_opener()
    path = work / "formats.jpg"
    photos.make(source, size, path)
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    found = {"JPEG": path.read_bytes()}
    for name, kind, quality in (("HEIC", "HEIF", 55), ("AVIF", "AVIF", 60)):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, kind, quality=quality)
        found[name] = out.getvalue()
    found["raw, preview"] = found["raw, developed"] = dng(pixels, found["JPEG"])
    return found


def measure(bench: Bench) -> dict[str, Any]:
    """Medians over turns of one thread's CPU seconds."""
    size, turns = ((400, 300), 1) if bench.short else (_SIZE, 5)
    files = _files(photos.sources(bench.photos)[0], size, bench.work)
    found = models.find("u2net", "fp32", bench.weights)
    segmenter = local.segmenter(str(found.path), found.spec, 1, str(bench.work / "cache"))
    spent: dict[str, list[float]] = {name: [] for name in (*files, "the rest")}
    for _ in range(turns):
        picture = decode(files["JPEG"], look(files["JPEG"]))
        began = time.process_time()
        encode(cutting.finish(picture, cutting.find(picture, segmenter, 1)))
        spent["the rest"].append(time.process_time() - began)
        for name, data in files.items():
            began = time.process_time()
            decode(data, look(data), develop="developed" in name)
            spent[name].append(time.process_time() - began)
    cost = {name: statistics.median(each) for name, each in spent.items()}
    for name, each in cost.items():
        bench.say(f"{name}: {each * 1000:.0f} ms of CPU")
    return {
        "size": size,
        "rest_ms": cost.pop("the rest") * 1000,
        "formats": {
            name: {"ms": each * 1000, "mb": len(files[name]) / 1e6} for name, each in cost.items()
        },
    }


def section(result: dict[str, Any]) -> list[str]:
    """The table of formats."""
    width, height = result["size"]
    lines = [
        "## Formats", "",
        f"The same {width}×{height} with sensor noise, decoded by one thread, medians. Photo: with"
        f" the {result['rest_ms']:.0f} ms for mask, cut-out and PNG, which are the same for every"
        " format (u2net, fp32, one thread).", "",
        "| format | MB | ms of CPU | of JPEG's | photo, of JPEG's |", "|---|---|---|---|---|",
    ]  # fmt: skip
    plain = result["formats"]["JPEG"]["ms"]
    for name, each in result["formats"].items():
        lines.append(
            f"| {name} | {each['mb']:.1f} | {each['ms']:.0f} | {each['ms'] / plain:.2f} |"
            f" {_whole(result, name):.2f} |"
        )
    return lines


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """What a photo costs beside one that is a JPEG."""
    return [
        at_most("a HEIC photo, of a JPEG's time", _whole(result, "HEIC"), 2.0, "×"),
        at_most("a raw photo's preview, of a JPEG's", _whole(result, "raw, preview"), 1.3, "×"),
    ]


def _whole(result: dict[str, Any], name: str) -> float:
    rest = result["rest_ms"]
    found: float = (result["formats"][name]["ms"] + rest) / (result["formats"]["JPEG"]["ms"] + rest)
    return found
