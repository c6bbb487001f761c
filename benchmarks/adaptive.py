"""Which int8 masks are made again in fp32 (`precision: adaptive`), and what the others lack.

Masks of both on every photo there is, on one thread, in turns.  The curve has a line for each bound
on the share of middling pixels, and one for the rule that nobgd goes by.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import photos
from benchmarks.part import Bench, Verdict, at_most
from nobgd import models
from nobgd.inference import local
from nobgd.picture.adaptive import middling, unsure
from nobgd.picture.pixels import Bytes
from nobgd.quantize.judge import iou
from nobgd.values import wire
from nobgd.values.doubt import NO_SUBJECT

_LEAST_IOU, _TIME_BAR = 0.97, 1.25
_BOUNDS = (0.05, 0.1, 0.17, 0.25, 0.5)

Mask = Callable[[Bytes], tuple[Bytes, float]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A photo by both."""

    held_out: bool
    subject: bool  # by fp32
    iou: float
    middling: float
    again: bool  # by the rule
    confident: bool  # int8 found a subject


def measure(bench: Bench) -> dict[str, Any]:
    """The curve, and the time of both."""
    precisions = ("fp32", "int8" if "int8" in bench.ours else "fp32")  # the short form has no int8
    exact, quick = (_mask(bench, each) for each in precisions)
    seen, slow, fast = [], [], []
    for path in photos.everything(bench.photos)[: 3 if bench.short else None]:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        began = time.thread_time()
        wanted, sure = exact(pixels)
        between = time.thread_time()
        got, confidence = quick(pixels)
        fast.append(time.thread_time() - between)
        slow.append(between - began)
        seen.append(
            Seen(
                "held-out" in path.parts, sure >= NO_SUBJECT, iou(wanted, got), middling(got),
                unsure(got, confidence), confidence >= NO_SUBJECT,
            )
        )  # fmt: skip
    ratio = statistics.median(slow) / statistics.median(fast)
    return {
        "compared": precisions[1], "ratio": ratio,
        "all": _curve(seen, ratio),
        "held_out": _curve([each for each in seen if each.held_out], ratio),
    }  # fmt: skip


def _mask(bench: Bench, precision: str) -> Mask:
    found = models.find("u2net", precision, None)
    spec = found.spec
    weights = wire.Weights(
        str(found.path), found.sha256, spec.name, precision, spec.input_size, spec.mean, spec.std
    )
    return local.segmenter(weights.path, weights, 1, str(Path(bench.work) / "cache")).mask


def _beyond(bound: float, each: Seen) -> bool:
    return each.confident and each.middling > bound


def _curve(seen: list[Seen], ratio: float) -> list[dict[str, Any]]:
    """A row for each rule; ``ratio``: fp32's time by int8's."""
    rules: dict[str, Callable[[Seen], bool]] = {"none": lambda _: False}
    rules |= {f"middling > {bound:g}": functools.partial(_beyond, bound) for bound in _BOUNDS}
    rules["nobgd's"] = lambda each: each.again
    rows = []
    for name, rule in rules.items():
        again = [each for each in seen if rule(each)]
        rest = [each.iou for each in seen if each.subject and not rule(each)]
        rows.append({
            "rule": name, "photos": len(seen), "again": len(again),
            "time": 1 + ratio * len(again) / max(1, len(seen)),
            "below": sum(each < _LEAST_IOU for each in rest), "worst": min(rest, default=1.0),
        })  # fmt: skip
    return rows


def section(result: dict[str, Any]) -> list[str]:
    """The curve."""
    lines = [
        "## adaptive", "",
        f"{result['compared']} first, fp32 again where its mask is unsure; fp32 takes"
        f" {result['ratio']:.2f} times as long (CPU, one thread, in turns). What is not made"
        " again and has a subject is compared with fp32's mask.", "",
    ]  # fmt: skip
    for name, words in (("all", "all photos"), ("held_out", "held out")):
        lines += [
            f"| rule, {words} | made again | time of int8's | IoU below {_LEAST_IOU} | worst |",
            "|---|---|---|---|---|",
            *(
                f"| {row['rule']} | {row['again']} of {row['photos']} | {row['time']:.2f} |"
                f" {row['below']} | {row['worst']:.3f} |"
                for row in result[name]
            ),
            "",
        ]
    return lines


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """On the photos held out."""
    ours = result["held_out"][-1]
    worst = Verdict(
        "adaptive: the worst mask of the photos held out, IoU with fp32", f"≥ {_LEAST_IOU}",
        f"{ours['worst']:.3f}", ours["worst"] >= _LEAST_IOU,
    )  # fmt: skip
    return [worst, at_most("adaptive: time of int8's", ours["time"], _TIME_BAR, "×")]
