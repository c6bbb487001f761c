"""The plots of RESULTS.md, as SVG files beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.part import label
from benchmarks.table import STAGES

_COLOURS = {
    "fp32": "#1f6feb", "int8": "#d97706", "ncnn": "#10b981",
    "openvino": "#a855f7", "rembg": "#6b7280",
}  # fmt: skip
_STAGE_COLOURS = ("#9ca3af", "#0ea5e9", "#1f6feb", "#10b981", "#f59e0b", "#ef4444")


def draw(results: dict[str, Any], folder: Path) -> dict[str, str]:
    """Draw what was measured; file names by part.  Nothing where matplotlib is missing."""
    try:
        import matplotlib as mpl
    except ImportError:
        return {}
    mpl.use("svg")
    mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    mpl.rcParams["svg.hashsalt"] = "nobgd"  # the same figures give the same file
    folder.mkdir(exist_ok=True)
    made = {}
    for name, plot in (("table", _table), ("lanes", _lanes), ("backlog", _backlog)):
        if results.get(name):
            figure = plot(results[name])
            figure.savefig(folder / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
            made[name] = f"{folder.name}/{name}.svg"
    return made


def _table(rows: list[dict[str, Any]]) -> Any:
    """Time against megapixels, and the stages of nobgd fp32 stacked."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8))
    megapixels = [row["width"] * row["height"] / 1e6 for row in rows]
    for who in rows[0]["contenders"]:
        times = [row["contenders"][who]["median_s"] for row in rows]
        left.plot(megapixels, times, "o-", color=_COLOURS[who], label=label(who), markersize=4)
    left.set(xlabel="megapixels", ylabel="seconds a photo (median)", ylim=(0, None), xlim=(0, None))
    left.legend(frameon=False)
    names = [f"{row['width']}×{row['height']}" for row in rows]
    floor = [0.0] * len(rows)
    for stage, colour in zip(STAGES, _STAGE_COLOURS, strict=True):
        share = [row["contenders"]["fp32"]["stages"][f"{stage}_ms"] for row in rows]
        right.bar(names, share, bottom=floor, color=colour, label=stage, width=0.7)
        floor = [low + more for low, more in zip(floor, share, strict=True)]
    right.set(ylabel="milliseconds a photo, nobgd fp32")
    right.tick_params(axis="x", rotation=40)
    right.legend(frameon=False, ncols=2, loc="lower right", facecolor="white", framealpha=0.8)
    figure.tight_layout()
    return figure


def _lanes(rows: list[dict[str, Any]]) -> Any:
    """Throughput against the number of lanes."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 3))
    names = [str(row["lanes"]) for row in rows]
    axes.bar(names, [row["photos_per_minute"] for row in rows], color=_COLOURS["fp32"], width=0.6)
    axes.set(xlabel=f"lanes ({rows[0]['cores']} cores)", ylabel="photos a minute, 2 MP")
    return figure


def _backlog(rows: list[dict[str, Any]]) -> Any:
    """CPU a photo and memory against the backlog."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    names = [f"{row['photos']:,}" for row in rows]
    left.bar(names, [row["cpu_ms"] for row in rows], color=_COLOURS["fp32"], width=0.6)
    left.set(xlabel="photos in the backlog", ylabel="supervisor, CPU ms a photo")
    right.bar(names, [row["rss_mb"] for row in rows], color=_COLOURS["int8"], width=0.6)
    right.set(xlabel="photos in the backlog", ylabel="supervisor, peak MB")
    figure.tight_layout()
    return figure
