"""What each output setting costs beside a plain PNG, and whether presets keep the shops' rules.

Costs: cut-outs of 12 megapixels, each setting in turns on the same ones, processor time of one
thread from the finished cut-out to the bytes of its files.  Rules: of each preset's own files, as
they would lie in the outbox.  Inferences: by the log of `nobgd once` on one folder, whose output is
asked for on one ground after another.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks import photos, shops
from benchmarks.part import Bench, Verdict
from nobgd import models
from nobgd.config.output import Output
from nobgd.config.presets import PRESETS, spelt_out
from nobgd.inference import local
from nobgd.picture import cutting, provenance
from nobgd.picture.decode import decode, look
from nobgd.picture.levels import Bytes
from nobgd.picture.rendering import files, render
from nobgd.values import Rendering

_SIZE = (4000, 3000)
_PLAIN = "plain PNG"
_SETTINGS: dict[str, dict[str, Any]] = {
    _PLAIN: {},
    "background white": {"background": "white"},
    "crop subject, margin 5%": {"crop": "subject", "margin": "5%"},
    "canvas 2000x2000": {"canvas": "2000x2000"},
    "longest side 2000": {"longest_side": 2000},
    "JPEG": {"format": "jpeg"},
    "WebP 90": {"format": "webp"},
    "WebP 100": {"format": "webp", "quality": 100},
    "mask beside": {"mask": True},
    **{f"preset {name}": {"preset": name} for name in PRESETS},
}  # fmt: skip
_GROUNDS: tuple[dict[str, Any], ...] = (
    {}, {"format": "jpeg"}, {"format": "jpeg", "background": "#204060"},
    {"format": "webp", "background": "black"},
)  # fmt: skip
_NOTE = provenance.Note("photo.jpg", "bench", "0" * 64, "bench", "0")


@dataclass(frozen=True, slots=True)
class Made:
    """A cut-out, and what its photo says beside its pixels."""

    cut: Bytes  # (H, W, 4)
    beside: files.Beside


def measure(bench: Bench) -> dict[str, Any]:
    """Costs by setting, how the presets' files are, and inferences by ground."""
    made = _cut_outs(bench)
    wanted = {name: rendering(section) for name, section in _SETTINGS.items()}
    costs = _costs(made, wanted, turns=1 if bench.short else 5)
    for name, each in costs.items():
        bench.say(f"{name}: {each['ms']:.0f} ms of CPU, {each['mb']:.2f} MB")
    kept = {
        name: [shops.look(*written(each, wanted[f"preset {name}"])) for each in made]
        for name in PRESETS
    }
    return {
        "size": _size(bench), "photos": len(made), "settings": costs, "presets": kept,
        "grounds": inferences(bench),
    }  # fmt: skip


def rendering(section: dict[str, Any]) -> Rendering:
    """What a section ``output:`` asks for."""
    return Output(**spelt_out(section)).rendering


def _size(bench: Bench) -> tuple[int, int]:
    return (800, 600) if bench.short else _SIZE


def _cut_outs(bench: Bench) -> list[Made]:
    """Photos taken of a subject, with sensor noise, cut out as a lane does."""
    found = models.find("u2net", "fp32", bench.weights)
    segmenter = local.segmenter(str(found.path), found.spec, 1, str(bench.work / "render-cache"))
    made = []
    for number, source in enumerate(photos.sources(bench.photos)[: 1 if bench.short else 3]):
        path = bench.work / f"render-{number}.jpg"
        photos.make(source, _size(bench), path, number)
        data = path.read_bytes()
        picture = decode(data, look(data))
        what = cutting.refine(picture, cutting.find(picture, segmenter, 1), "fine")
        beside = files.Beside(picture.icc, picture.dpi, _exif(), picture.spoken)
        cut = cutting.finish(picture, what)
        cutting.finish_edge(cut, what)
        made.append(Made(cut, beside))
    return made


def _exif() -> bytes:
    """What a camera says, as the TIFF block of a photo: its make, and the artist's name."""
    said = Image.Exif()
    said[0x010F], said[0x013B] = "bench", "somebody"
    return said.tobytes().removeprefix(b"Exif\0\0")


def written(made: Made, wanted: Rendering) -> tuple[bytes, bytes]:
    """The output, and its mask as a grey PNG: of a preset too, to judge it by."""
    page = render(made.cut.copy(), replace(wanted, mask=True), made.beside.icc)
    return (
        b"".join(files.write(page, wanted, _NOTE, made.beside, files.How())),
        b"".join(files.mask(page, _NOTE, files.How())),
    )


def _costs(
    made: list[Made], wanted: dict[str, Rendering], turns: int
) -> dict[str, dict[str, float]]:
    """Medians over photos and turns; memory: the largest peak, beyond the cut-out itself."""
    spent: dict[str, list[float]] = {name: [] for name in wanted}
    found: dict[str, dict[str, float]] = {}
    for _ in range(turns):
        for each in made:
            for name, one in wanted.items():
                cut = each.cut.copy()
                began = time.process_time()
                _files(cut, one, each.beside)
                spent[name].append((time.process_time() - began) * 1000)
    for name, one in wanted.items():
        sizes, peaks = [], []
        for each in made:
            cut = each.cut.copy()
            tracemalloc.start()
            sizes.append(sum(len(part) for part in _files(cut, one, each.beside)))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        found[name] = {
            "ms": statistics.median(spent[name]), "least_ms": min(spent[name]),
            "most_ms": max(spent[name]), "mb": statistics.fmean(sizes) / 1e6,
            "more_mb": max(peaks) / 1e6,
        }  # fmt: skip
    return found


def _files(cut: Bytes, wanted: Rendering, beside: files.Beside) -> files.Parts:
    """The bytes of all files of one photo; the cut-out is used up."""
    page = render(cut, wanted, beside.icc)
    parts = files.write(page, wanted, _NOTE, beside, files.How())
    return [*parts, *files.mask(page, _NOTE, files.How())] if wanted.mask else parts


def inferences(bench: Bench) -> list[dict[str, Any]]:
    """For each ground: how many photos, and how many of them the model was asked about."""
    work = bench.work / "grounds"
    inbox, out = work / "in", work / "out"
    inbox.mkdir(parents=True)
    out.mkdir()
    sources = photos.sources(bench.photos)
    for number in range(2 if bench.short else 6):
        path = inbox / f"{number}.jpg"
        photos.make(sources[number % len(sources)], (640, 480), path, number)
    return [
        {"output": section, **_once(bench, work, section, number)}
        for number, section in enumerate(_GROUNDS)
    ]


def _once(bench: Bench, work: Path, section: dict[str, Any], number: int) -> dict[str, int]:
    log = work / f"log-{number}.json"
    config = work / "nobgd.yaml"
    box = {"path": str(work / "in"), "outbox": str(work / "out"), "watch": {"settle_s": 0}}
    settings = {
        "state_dir": str(work / "state"), "cache_dir": str(bench.work / "cache"),
        "model": {"name": "u2net", "precision": "fp32", "directory": str(bench.weights)},
        "inboxes": [box], "output": section, "log": {"file": str(log)},
    }  # fmt: skip
    config.write_text(json.dumps(settings))
    command = [sys.executable, "-m", "nobgd", "once", "-c", str(config)]
    subprocess.run(command, env=dict(os.environ), capture_output=True, check=True)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    done = [each for each in events if each["event"] == "photo.done"]
    return {
        "photos": len(done),
        "inferences": sum(each["how"] == "computed" or each["threads"] > 0 for each in done),
    }


def section(result: dict[str, Any]) -> list[str]:
    """The table of settings, of presets and of grounds."""
    width, height = result["size"]
    settings = result["settings"]
    plain = settings[_PLAIN]
    lines = [
        "## Outputs", "",
        f"{result['photos']} cut-outs of {width}×{height} with sensor noise, from the finished"
        " cut-out to the bytes of its files, one thread, in turns: medians [least to most] of"
        " processor time; MB on disk, the mean; memory beyond the cut-out, the largest peak that"
        " NumPy and Python ask for.", "",
        "| output | ms | beyond plain, ms | MB | of plain's | memory, MB |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, each in settings.items():
        lines.append(
            f"| {name} | {each['ms']:.0f} [{each['least_ms']:.0f} to {each['most_ms']:.0f}] |"
            f" {each['ms'] - plain['ms']:+.0f} | {each['mb']:.2f} |"
            f" {each['mb'] / plain['mb']:.2f} | {each['more_mb']:.0f} |"
        )
    lines += ["", "| `nobgd once` on the same folder, then with | photos | inferences |",
              "|---|---|---|"]  # fmt: skip
    for each in result["grounds"]:
        said = ", ".join(f"{key}: {value}" for key, value in each["output"].items())
        lines.append(f"| {said or 'no `output:`'} | {each['photos']} | {each['inferences']} |")
    return lines


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """No inference for another ground, and each preset by its shop's rule."""
    first, *others = result["grounds"]
    asked = sum(each["inferences"] for each in others)
    made = all(each["photos"] == first["photos"] for each in others)
    found = [
        Verdict(
            "another background of a cut-out that is there: inferences", "0",
            str(asked), asked == 0 and made and first["inferences"] == first["photos"],
        )
    ]  # fmt: skip
    for name, looks in result["presets"].items():
        found += shops.verdicts(name, looks)
    return found
