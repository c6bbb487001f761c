"""How the ratio to rembg hangs on the subject's share of the picture.

A PNG of transparent pixels is cheap for everybody; rembg deflates opaque ones at level 6.  So
every photo there is takes one turn with each contender, at one resolution, and is put with
those of a like share of opaque pixels.
"""

from __future__ import annotations

import itertools
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import photos
from benchmarks.part import Bench, Verdict, label
from benchmarks.table import Contender

_SIZE = (3840, 2160)
_GROUPS = (0.0, 0.15, 0.3, 0.5, 1.0)


def measure(bench: Bench) -> dict[str, Any]:
    """A row for each photo: its subject's share, and seconds by contender."""
    size = (320, 180) if bench.short else _SIZE
    sources = photos.everything(bench.photos)[: 2 if bench.short else None]
    who = (*bench.single, "rembg")
    contenders = [Contender(each, bench) for each in who]
    rows = []
    for number, source in enumerate(sources):
        photo = bench.work / f"subject-{number}.jpg"
        photos.make(source, size, photo, number)
        if not number:
            for each in contenders:
                each.wait()
                each.run(photo)  # not counted
        first = number % len(contenders)
        took = {each.who: each.run(photo)["s"] for each in contenders[first:] + contenders[:first]}
        rows.append({"share": _opaque(bench.work / who[0] / f"{photo.stem}_nobg.png"), **took})
        photo.unlink()
    for each in contenders:
        each.close()
    bench.say(f"{len(rows)} photos, subjects of {min(r['share'] for r in rows):.0%} and more")
    return {"size": size, "photos": rows}


def _opaque(path: Path) -> float:
    """The share of a cut-out's pixels that is more opaque than not."""
    with Image.open(path) as picture:
        return float((np.asarray(picture.getchannel("A")) > 127).mean())


def section(result: dict[str, Any]) -> list[str]:
    """The medians of each group."""
    width, height = result["size"]
    rows = result["photos"]
    who = [name for name in rows[0] if name != "share"]
    ours = [name for name in who if name != "rembg"]
    lines = [
        "## The subject's share of the picture", "",
        f"Every bundled photo (or yours) at {width}×{height}, one turn with each, medians;"
        " the share of pixels that the model finds more opaque than not.", "",
        f"| share | photos | {' | '.join(f'{label(name)}, s' for name in who)} |"
        f" {' | '.join(f'{label(name)} × rembg' for name in ours)} |",
        "|---" * (2 + len(who) + len(ours)) + "|",
    ]  # fmt: skip
    for low, high in itertools.pairwise(_GROUPS):
        group = [row for row in rows if low <= row["share"] < high or row["share"] == high == 1]
        if not group:
            continue
        median = {name: statistics.median(row[name] for row in group) for name in who}
        ratios = [statistics.median(row["rembg"] / row[name] for row in group) for name in ours]
        lines.append(
            f"| {low:.0%} to {high:.0%} | {len(group)} |"
            f" {' | '.join(f'{median[name]:.2f}' for name in who)} |"
            f" {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |"
        )
    return lines


def verdicts(_: dict[str, Any]) -> list[Verdict]:
    """There is no bar on the share alone."""
    return []
