"""Fine edges beside plain ones and beside rembg's: pace, a lane's own work, the whole picture.

Pace: one folder of photos as they come by `nobgd once`, whole commands.  Whole picture: composites
with known alpha, over white, black and green, from U²-Net's own masks where it finds the subject;
rembg's function with `decontaminate`, which its command calls `-dc`, gets the same composites.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import as_they_come, composites, edges, folder, own_work, rival
from benchmarks.composites import Composite
from benchmarks.part import Bench, Verdict, at_least, at_most, label
from benchmarks.table import Contender
from nobgd import models
from nobgd.inference import local

_KEPT = {"fp32": 0.85, "int8": 0.75}  # of plain's photos a minute
_OF_DC, _OF_PLAIN = 0.45, 0.48
_OWN_MS, _BEYOND = 110.0, 12.0  # of a lane's processor: for plain edges, and a megapixel beyond
_PHOTOS = 6  # that a lane's own work is measured on


def measure(bench: Bench) -> dict[str, Any]:
    """Three tables' figures."""
    size = (1600, 1200) if bench.short else folder.SIZE
    sources = as_they_come.chosen(bench)[: 2 if bench.short else None]
    inbox = folder.fill(bench, "fine", len(sources), size, sources)
    made = sorted(inbox.iterdir())
    own = own_work.measure(
        bench, made[:: max(1, len(made) // _PHOTOS)], turns=1 if bench.short else 3
    )  # fmt: skip
    bench.say(f"a lane's own work: {own['plain']['all']:.0f} and {own['fine']['all']:.0f} ms")
    return {
        "photos": len(made), "size": size, "rounds": bench.rounds, "own": own,
        "pace": _pace(bench, inbox), "whole": _whole(bench),
    }  # fmt: skip


def _pace(bench: Bench, inbox: Path) -> dict[str, dict[str, float]]:
    """Photos a minute, medians of rounds in turns; rembg's two are measured once."""
    ours = [who for who in ("fp32", "int8") if who in bench.ours]
    every = [(who, way) for who in ours for way in own_work.EDGES]
    count = len(list(inbox.iterdir()))
    few = bench.work / "fine-few"
    few.mkdir()
    for path in sorted(inbox.iterdir())[:2]:
        shutil.copy(path, few)

    def paced(ran: dict[str, Any]) -> float:
        return count * 60 / float(ran["wall_s"])

    for who in ours:  # which makes the caches
        folder.once(bench, few, _emptied(bench), who)
    runs: dict[str, list[float]] = {f"{who}, {way}": [] for who, way in every}
    for turn in range(bench.rounds):
        for who, way in every if turn % 2 else reversed(every):
            ran = folder.once(bench, inbox, _emptied(bench), who, {"edges": way})
            runs[f"{who}, {way}"].append(paced(ran))
            bench.say(f"{who}, {way}: {paced(ran):.1f} photos/min")
    if rival.command() is not None and not bench.short:
        folder.rembg(bench, few, _emptied(bench), "-dc")
        for name, options in (("rembg", ()), ("rembg-dc", ("-dc",))):
            runs[name] = [paced(folder.rembg(bench, inbox, _emptied(bench), *options))]
            bench.say(f"{name}: {runs[name][0]:.1f} photos/min")
    return {
        who: {"median": statistics.median(each), "least": min(each), "most": max(each)}
        for who, each in runs.items()
    }


def _emptied(bench: Bench) -> Path:
    out = bench.work / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    return out


def _whole(bench: Bench) -> list[dict[str, Any]]:
    """For each composite whose subject is found: the mean error in levels of plain, fine, rembg."""
    found = models.find("u2net", "fp32", bench.weights)
    segmenter = local.segmenter(str(found.path), found.spec, 1, str(bench.work / "edges-cache"))
    size = (1000, 750) if bench.short else (composites.WIDE, composites.HIGH)
    theirs = None if bench.short or rival.command() is None else Contender("rembg-dc", bench)
    if theirs is not None:
        theirs.wait()
    rows: list[dict[str, Any]] = []
    judged: list[tuple[dict[str, Any], Any, Any, Any, Path, Future[Any]]] = []
    with ThreadPoolExecutor(1) as pool:
        for each in _ahead(composites.every(*size, most=1 if bench.short else None)):
            mask, _ = segmenter.mask(each.photo)
            small = segmenter.shown
            assert small is not None
            if edges.overlap(mask, edges.mask_size(each.alpha)) < edges.FOUND:
                continue
            plain = edges.plain(each.photo, mask)
            where = edges.soft_in_either(each.alpha, plain[..., 3] * np.float32(1 / 255))
            truth = each.subject[where], each.alpha[where]
            cuts = {"plain": plain, "fine": edges.fine(each.photo, mask, small)}
            row = {"number": each.number, "kind": each.kind} | {
                way: edges.off(cut[where], *truth, np.s_[:]) for way, cut in cuts.items()
            }
            rows.append(row)
            bench.say(f"{each.number} {each.kind}: {row['plain']:.1f} and {row['fine']:.1f} levels")
            if theirs is not None:
                path = bench.work / f"composite-{each.number}.png"
                Image.fromarray(each.photo).save(path, compress_level=1)
                judged.append((row, where, *truth, path, pool.submit(theirs.run, path)))
        for row, where, subject, alpha, path, ran in judged:
            ran.result()
            made = bench.work / "rembg-dc" / path.name
            with Image.open(made) as picture:
                cut = np.asarray(picture)
            row["rembg-dc"] = edges.off(cut[where], subject, alpha, np.s_[:])
            made.unlink()
    if theirs is not None:
        theirs.close()
    return rows


def _ahead(every: Iterator[Composite]) -> Iterator[Composite]:
    """The same; while one is at work, the next is made."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, every, None)
        while (each := coming.result()) is not None:
            coming = pool.submit(next, every, None)
            yield each


def section(result: dict[str, Any]) -> list[str]:
    """The tables of pace, work and error."""
    width, height = result["size"]
    lines = [
        "## Fine edges", "",
        f"`nobgd once` on {result['photos']} photos of {width}×{height} as they come, whole"
        f" commands, medians of {result['rounds']} rounds in turns; `rembg p -m u2net` on the same"
        " folder, once.", "",
        "| | photos/min [least to most] |", "|---|---|",
    ]  # fmt: skip
    for who, each in result["pace"].items():
        precision, _, way = who.partition(", ")
        name = f"{label(precision)}, `edges: {way}`" if way else label(who)
        spread = f" [{each['least']:.1f} to {each['most']:.1f}]" if way else ""
        lines.append(f"| {name} | {each['median']:.1f}{spread} |")
    stages = [name for name in own_work.STAGES if result["own"]["fine"][name] >= 0.05]
    lines += [
        "", "A lane's own work on such a photo, one thread, milliseconds of processor time without"
        " the model's (infer is what makes its input, and its mask).", "",
        f"| edges | {' | '.join(stages)} | all |", f"|---|{'---|' * (len(stages) + 1)}",
    ]  # fmt: skip
    for way, own in result["own"].items():
        cells = [f"{own[name]:.0f}" for name in (*stages, "all")]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    ways = [way for way in ("plain", "fine", "rembg-dc") if way in result["whole"][0]]
    lines += [
        "", "Composites with known alpha over white, black and green, where the truth or the plain"
        " mask is soft: mean error in levels of 255, from U²-Net's own masks.", "",
        f"| composite | {' | '.join(_called(way) for way in ways)} |", f"|---|{'---|' * len(ways)}",
    ]  # fmt: skip
    for row in result["whole"]:
        cells = [f"{row[way]:.1f}" for way in ways]
        lines.append(f"| {row['kind']}, {row['number']} | {' | '.join(cells)} |")
    return lines


def _called(way: str) -> str:
    return label(way) if way == "rembg-dc" else f"`{way}`"


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bars on pace, work and error."""
    found = []
    for who, bar in _KEPT.items():
        pace = [result["pace"].get(f"{who}, {way}") for way in own_work.EDGES]
        if pace[0] and pace[1]:
            ratio = pace[1]["median"] / pace[0]["median"]
            found.append(at_least(f"fine edges, photos/min × plain's, {who}", ratio, bar))
    plain, fine = (result["own"][way]["all"] for way in own_work.EDGES)
    megapixels = result["size"][0] * result["size"][1] / 1e6
    what = f"a lane's own work, {megapixels:.0f} MP, plain edges"
    found += [
        at_most(what, plain, _OWN_MS, "ms"),
        at_most("fine edges' work beyond", (fine - plain) / megapixels, _BEYOND, "ms/MP"),
    ]
    for way, bar in (("plain", _OF_PLAIN), ("rembg-dc", _OF_DC)):
        rows = [row | {"ratio": row["fine"] / row[way]} for row in result["whole"] if way in row]
        if rows:
            of = "plain's" if way == "plain" else "rembg `-dc`'s"
            ratio = edges.mean(rows, "ratio")
            what = f"fine edges, U²-Net's own masks: whole picture, of {of}"
            found.append(Verdict(what, f"≤ {bar:g}", f"{ratio:.2f}", ratio <= bar))
    return found
