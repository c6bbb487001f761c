"""`make bench`: run the parts, write benchmarks/results.json and benchmarks/RESULTS.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import folder, table

HERE = Path(__file__).parent
BARS = {(1920, 1080): 1.6, (3840, 2160): 3.0, (5120, 2880): 4.5}
FOLDER_BAR = 4.0


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    info = Path("/proc/cpuinfo").read_text()
    lines = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in lines.items()}
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile")
    flags = [flag for flag in wanted if flag in fields.get("flags", "").split()]
    packages = ("nobgd", "rembg", "onnxruntime", "pillow", "numpy")
    return {
        "processor": fields.get("model name", platform.machine()),
        "cores": str(len(os.sched_getaffinity(0))),
        "flags": " ".join(flags),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "versions": ", ".join(f"{name} {version(name)}" for name in packages),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def page(results: dict[str, Any]) -> str:
    """RESULTS.md from the results."""
    lines = ["# Results", "", "Written by `make bench`; ratios are of medians in one run.", ""]
    lines += [f"- {key}: {value}" for key, value in results["machine"].items()]
    if "table" in results:
        lines += [
            "", "## One photo at a time", "",
            "JPEG in, PNG with alpha out, u2net fp32, all cores; median s (min-max).", "",
            "| resolution | nobgd s | rembg s | ratio | bar | nobgd ms/MP | rembg ms/MP |"
            " nobgd MB | rembg MB | published rembg s |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]  # fmt: skip
        for row in results["table"]:
            ours, theirs = row["nobgd"], row["rembg"]
            bar = BARS.get((row["width"], row["height"]))
            met = "" if bar is None else f"{bar}× {'met' if row['ratio'] >= bar else 'MISSED'}"
            spans = [
                f"{each['median_s']:.2f} ({each['min_s']:.2f}-{each['max_s']:.2f})"
                for each in (ours, theirs)
            ]
            lines.append(
                f"| {row['width']}×{row['height']} | {spans[0]} | {spans[1]} |"
                f" {row['ratio']:.2f}× | {met} | {ours['ms_per_megapixel']:.0f} |"
                f" {theirs['ms_per_megapixel']:.0f} | {ours['peak_mb']:.0f} |"
                f" {theirs['peak_mb']:.0f} | {row['article_s']:.2f} |"
            )
    if "folder" in results:
        row = results["folder"]
        met = "met" if row["ratio"] >= FOLDER_BAR else "MISSED"
        lines += [
            "", f"## A folder: {row['photos']} photos of 12 megapixels", "",
            "Whole commands, start-up included; medians. Memory: all processes, shared pages once.",
            "", "| | photos/min | CPU s | peak MB |", "|---|---|---|---|",
        ]  # fmt: skip
        for who, name in (("nobgd", "`nobgd once`"), ("rembg", "`rembg p`")):
            each = row[who]
            lines.append(
                f"| {name} | {each['photos_per_minute']:.1f} | {each['cpu_s']:.1f} |"
                f" {each['peak_mb']:.0f} |"
            )
        lines += ["", f"Ratio {row['ratio']:.2f}× (bar {FOLDER_BAR}×: {met})."]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help="table, folder (default: both)")
    parser.add_argument("--photos", type=Path, help="a folder of your own photos")
    parser.add_argument("--runs", type=int, default=10, help="per resolution (default: 10)")
    parser.add_argument("--count", type=int, default=24, help="photos in the folder (default: 24)")
    parser.add_argument("--rounds", type=int, default=3, help="of the folder (default: 3)")
    args = parser.parse_args()
    unknown = set(args.parts) - {"table", "folder"}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are table and folder")
    parts = args.parts or ["table", "folder"]
    from nobgd import models

    weights = Path(models.find("u2net", "fp32", None).path).parent
    file = HERE / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    results["machine"] = machine()
    with tempfile.TemporaryDirectory(prefix="nobgd-bench-") as name:
        work = Path(name)
        if "table" in parts:
            results["table"] = table.measure(work, weights, args.photos, args.runs)
        if "folder" in parts:
            results["folder"] = folder.measure(work, weights, args.photos, args.count, args.rounds)
    file.write_text(json.dumps(results, indent=1) + "\n")
    (HERE / "RESULTS.md").write_text(page(results))
    print((HERE / "RESULTS.md").read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
