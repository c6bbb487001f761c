"""The published table: seven resolutions, JPEG in, PNG with alpha out, beside rembg.

Each run takes another photo, as the time of a PNG depends on what is in it.  All contenders
take turns on the same photo, run by run, each in a warm process of its own that is new for
each resolution; who begins changes with every run.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import photos, rival
from benchmarks.part import Bench, Verdict, at_least, label
from nobgd.pool.environment import of_model

# rembg 2.0.30 on a Xeon E5-2680 v4, as published: seconds per photo; 320 to 620 MB
ARTICLE_S = (0.82, 1.45, 1.87, 3.62, 6.15, 13.20, 22.40)
BARS = {
    "fp32": {(1920, 1080): 1.6, (3840, 2160): 3.0, (5120, 2880): 4.5},
    "ncnn": {(1920, 1080): 2.6, (3840, 2160): 5.0, (5120, 2880): 6.5},
    "int8": {(640, 480): 1.8, (1920, 1080): 3.0, (3840, 2160): 6.0, (5120, 2880): 8.0},
}


class Contender:
    """A process of `benchmarks.contender`."""

    def __init__(self, who: str, bench: Bench) -> None:
        theirs = who.startswith("rembg")
        python = rival.python() if theirs else sys.executable
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.contender", who, str(bench.work / who)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=rival.environment(bench) if theirs else of_model(),
        )  # fmt: skip
        self.who = who

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{self.who} ended with {self._process.wait()}; see above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def wait(self) -> None:
        """Until its model is loaded."""
        self._answer()

    def run(self, photo: Path) -> dict[str, Any]:
        """The figures of one run."""
        assert self._process.stdin is not None
        print(photo, file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def measure(bench: Bench) -> list[dict[str, Any]]:
    """A row for each resolution."""
    sources = photos.sources(bench.photos)
    sources = sources[:: max(1, len(sources) // bench.runs)][: bench.runs]
    rows = []
    sizes = photos.RESOLUTIONS[:2] if bench.short else photos.RESOLUTIONS
    for number, size in enumerate(sizes):
        if bench.short:
            size = (size[0] // 2, size[1] // 2)
        made = []
        for count, source in enumerate(sources):
            made.append(bench.work / f"{size[0]}x{size[1]}-{count}.jpg")
            photos.make(source, size, made[-1], number * 100 + count)
        rows.append(row_of(bench, made, size))
        for photo in made:
            photo.unlink()
        seconds = ", ".join(f"{who} {_of(rows[-1], who)['median_s']:.2f} s" for who in _who(bench))
        bench.say(f"{size[0]}×{size[1]}: {seconds}")
    return rows


def _who(bench: Bench) -> tuple[str, ...]:
    return (*bench.single, "rembg")


def _of(row: dict[str, Any], who: str) -> dict[str, Any]:
    entry: dict[str, Any] = row["contenders"][who]
    return entry


def row_of(bench: Bench, made: list[Path], size: tuple[int, int]) -> dict[str, Any]:
    """Figures of all contenders on these photos, in turns."""
    contenders = [Contender(who, bench) for who in _who(bench)]
    for each in contenders:
        each.wait()
        each.run(made[0])  # not counted
    runs: dict[str, list[dict[str, Any]]] = {each.who: [] for each in contenders}
    for turn in range(bench.runs):
        first = turn % len(contenders)
        for each in contenders[first:] + contenders[:first]:
            runs[each.who].append(each.run(made[turn % len(made)]))
    for each in contenders:
        each.close()
    megapixels = size[0] * size[1] / 1e6
    row: dict[str, Any] = {"width": size[0], "height": size[1], "contenders": {}}
    for who, results in runs.items():
        times = [each["s"] for each in results]
        row["contenders"][who] = {
            "mean_s": statistics.mean(times),
            "median_s": statistics.median(times),
            "min_s": min(times),
            "max_s": max(times),
            "ms_per_megapixel": statistics.median(times) * 1000 / megapixels,
            "peak_mb": max(each["peak_mb"] for each in results),
            "stages": {
                name: statistics.median(each["stages"][name] for each in results)
                for name in results[0]["stages"]
            },
        }
    for who in bench.single:
        _of(row, who)["ratio"] = _of(row, "rembg")["median_s"] / _of(row, who)["median_s"]
    return row


def section(rows: list[dict[str, Any]]) -> list[str]:
    """The table, and where nobgd's time goes."""
    article = {size: s for size, s in zip(photos.RESOLUTIONS, ARTICLE_S, strict=True)}  # noqa: C416
    lines = [
        "## One photo at a time", "",
        "JPEG in, PNG with alpha out, u2net, `edges: plain`, all cores, model loaded, a"
        " photo of its own for each of the runs. Mean s [least to most],"
        " ms per megapixel (median), peak MB; the ratio is that of the medians.", "",
        "| resolution | who | mean s | ms/MP | peak MB | × rembg | rembg as published, s |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        for who, each in row["contenders"].items():
            size = f"{row['width']}×{row['height']}"
            last = article.get((row["width"], row["height"]), "") if who == "rembg" else ""
            ratio = f"{each['ratio']:.2f}" if "ratio" in each else "1"
            lines.append(
                f"| {size} | {label(who)} |"
                f" {each['mean_s']:.3f} [{each['min_s']:.3f} to {each['max_s']:.3f}] |"
                f" {each['ms_per_megapixel']:.0f} | {each['peak_mb']:.0f} | {ratio} | {last} |"
            )
    lines += [
        "", "The published column: rembg 2.0.30 on a Xeon E5-2680 v4, 320 to 620 MB.", "",
        "### Where the time goes", "",
        "| resolution | who | read | decode | infer | compose | encode | publish |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        for who, each in row["contenders"].items():
            if each["stages"]:
                cells = [f"{each['stages'][f'{name}_ms']:.0f}" for name in STAGES]
                size = f"{row['width']}×{row['height']}"
                lines.append(f"| {size} | {label(who)} | {' | '.join(cells)} |")
    return [*lines, "", "Milliseconds, medians."]


STAGES = ("read", "decode", "infer", "compose", "encode", "publish")


def verdicts(rows: list[dict[str, Any]]) -> list[Verdict]:
    """The bars on a single photo."""
    return [
        at_least(
            f"single photo {row['width']}×{row['height']}, {label(who)}, × rembg",
            _of(row, who)["ratio"], bar,
        )
        for who, bars in BARS.items()
        for row in rows
        if (bar := bars.get((row["width"], row["height"]))) and who in row["contenders"]
    ]  # fmt: skip
