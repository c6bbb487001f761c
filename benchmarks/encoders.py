"""PNG encoders on the same cut-outs: nobgd's settings beside Pillow's, time and size."""

from __future__ import annotations

import importlib
import io
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import photos
from benchmarks.part import Bench, Verdict
from nobgd.picture.encode import encode
from nobgd.picture.pixels import Bytes

_SIZE = (4000, 3000)


def _cut_out(bench: Bench, number: int, size: tuple[int, int]) -> Bytes:
    """A photo with noise whose subject is an ellipse with a soft edge; clear outside."""
    sources = photos.sources(bench.photos)
    path = bench.work / f"encode-{number}.jpg"
    photos.make(sources[number % len(sources)], size, path, number)
    with Image.open(path) as picture:
        rgb = np.asarray(picture.convert("RGB"))
    y, x = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    alpha = ((1.0 - np.hypot(x, y) / (0.6 + 0.2 * number)) * 60).clip(0, 1) * 255
    rgba = np.dstack([rgb, alpha.astype(np.uint8)])
    rgba[alpha < 1] = 0
    return np.ascontiguousarray(rgba)


def _pillow(level: int) -> Callable[[Bytes], int]:
    def run(rgba: Bytes) -> int:
        stream = io.BytesIO()
        Image.fromarray(rgba).save(stream, "PNG", compress_level=level)
        return stream.tell()

    return run


def _ours(compression: str) -> Callable[[Bytes], int]:
    return lambda rgba: sum(len(part) for part in encode(rgba, compression=compression))


def _rivals() -> dict[str, Callable[[Bytes], int]]:
    found = {f"nobgd {name}": _ours(name) for name in ("fast", "balanced", "small")}
    try:
        fpng = importlib.import_module("fpng")
    except ImportError:
        pass
    else:
        found["fpng"] = lambda rgba: len(fpng.from_ndarray(rgba))
    return {**found, "Pillow, level 1": _pillow(1), "Pillow, level 6 (rembg)": _pillow(6)}


def measure(bench: Bench) -> dict[str, Any]:
    """Medians over cut-outs and turns, one thread."""
    size, turns = ((400, 300), 1) if bench.short else (_SIZE, 3)
    pictures = [_cut_out(bench, number, size) for number in range(1 if bench.short else 3)]
    megapixels = size[0] * size[1] / 1e6
    rivals = _rivals()
    times: dict[str, list[float]] = {name: [] for name in rivals}
    sizes: dict[str, int] = {}
    for _ in range(turns):
        for rgba in pictures:
            for name, run in rivals.items():
                began = time.perf_counter()
                count = run(rgba)
                times[name].append((time.perf_counter() - began) * 1000 / megapixels)
                sizes[name] = sizes.get(name, 0) + count
    for name in rivals:
        bench.say(f"{name}: {statistics.median(times[name]):.1f} ms/MP")
    return {
        "pictures": len(pictures), "size": size,
        "encoders": {
            name: {
                "ms_per_megapixel": statistics.median(times[name]),
                "mb": sizes[name] / turns / len(pictures) / 1e6,
            }
            for name in rivals
        },
    }  # fmt: skip


def section(result: dict[str, Any]) -> list[str]:
    """The table of encoders."""
    width, height = result["size"]
    lines = [
        "## Encoders", "",
        f"{result['pictures']} cut-outs of {width}×{height} with sensor noise, one thread,"
        " medians; size: the mean.", "",
        "| encoder | ms/MP | MB |", "|---|---|---|",
    ]  # fmt: skip
    for name, each in result["encoders"].items():
        lines.append(f"| {name} | {each['ms_per_megapixel']:.1f} | {each['mb']:.1f} |")
    return lines


def verdicts(_: dict[str, Any]) -> list[Verdict]:
    """There is no bar on encoders alone."""
    return []
