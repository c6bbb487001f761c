"""The folder, and three sizes alone, on all bundled photos as they come, small subjects and none.

A PNG of transparent pixels is cheap for rembg, too: on these the ratio is smaller than on photos
that were taken of a subject, which the parts `table` and `folder` take.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import folder, photos, table
from benchmarks.part import Bench, Verdict, at_least, label

_FOLDER_BARS = {"ncnn": 3.8, "adaptive": 5.5, "openvino": 6.5}
_ALONE_BARS = {(1920, 1080): 2.6, (3840, 2160): 5.0, (5120, 2880): 6.5}  # ncnn
_MOST = 24


def chosen(bench: Bench) -> list[Path]:
    """Of all photos as many as there are in the folder, evenly."""
    every = photos.everything(bench.photos)
    return every[:: max(1, len(every) // _MOST)][:_MOST]


def measure(bench: Bench) -> dict[str, Any]:
    """A folder's row, and a row for each size."""
    every = chosen(bench)
    rows = []
    for size in ((320, 180),) if bench.short else _ALONE_BARS:
        made = []
        for number, source in enumerate(every[: bench.runs]):
            made.append(bench.work / f"any-{number}.jpg")
            photos.make(source, size, made[-1], number)
        rows.append(table.row_of(bench, made, size))
        ratios = rows[-1]["contenders"].items()
        said = (f"{label(who)} {each['ratio']:.2f}" for who, each in ratios if who != "rembg")
        bench.say(f"{size[0]}×{size[1]}, × rembg: {', '.join(said)}")
    return {"folder": folder.beside_rembg(bench, "any", every), "alone": rows}


def section(result: dict[str, Any]) -> list[str]:
    """Two tables."""
    lines = ["## Photos as they come", ""]
    if result["folder"] is not None:
        lines += [*folder.section(result["folder"])[2:], ""]
    who = [name for name in result["alone"][0]["contenders"] if name != "rembg"]
    lines += [
        f"| one photo alone | {' | '.join(f'{label(each)}, × rembg' for each in who)} |",
        f"|---|{'---|' * len(who)}",
    ]
    for row in result["alone"]:
        ratios = (f"{row['contenders'][each]['ratio']:.2f}" for each in who)
        lines.append(f"| {row['width']}×{row['height']} | {' | '.join(ratios)} |")
    return lines


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bars on photos as they come."""
    found = []
    for who, bar in _FOLDER_BARS.items():
        ours = (result["folder"] or {"contenders": {}})["contenders"].get(who)
        if ours is not None:
            what = f"folder as it comes, {label(who)}, × rembg"
            found.append(at_least(what, ours["ratio"], bar))
    for row in result["alone"]:
        size = (row["width"], row["height"])
        if size in _ALONE_BARS and "ncnn" in row["contenders"]:
            ratio = row["contenders"]["ncnn"]["ratio"]
            what = f"alone, as they come, {size[0]}×{size[1]}, {label('ncnn')}, × rembg"
            found.append(at_least(what, ratio, _ALONE_BARS[size]))
    return found
