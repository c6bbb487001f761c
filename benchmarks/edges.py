"""Fine edges beside plain ones, on composites whose alpha and colours are known.

Alpha is judged in the unknown band: where the truth or the plain mask is soft, and 15 pixels
around.  SAD is the sum of absolute differences, gradient that of the squared differences of the
Gaussian gradient's length, sigma 1.4 (Rhemann et al.: A Perceptually Motivated Online Benchmark
for Image Matting, 2009).  The whole picture is judged by its error over white, black and green,
where the truth or the plain mask is soft.
"""

from __future__ import annotations

import math
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import composites
from benchmarks.composites import Bytes, Composite, Floats
from benchmarks.part import Bench, Verdict
from nobgd import models
from nobgd.inference import local
from nobgd.picture import colour_line, compose, inside
from nobgd.picture.edges import Edge

_SIDE = 320
FOUND = 0.85  # soft intersection over union of U²-Net's mask and the truth
_COSTS = 3  # turns, for each of as many composites
_GROUNDS = ((255, 255, 255), (0, 0, 0), (0, 150, 0))
_SOFT = (0.02, 0.98)


def measure(bench: Bench) -> dict[str, Any]:
    """A row for each composite and mask; costs; how much memory."""
    found = models.find("u2net", "fp32", bench.weights)
    segmenter = local.segmenter(
        str(found.path), found.spec, 1, str(bench.work / "edges-cache")
    )  # fmt: skip
    size = (1000, 750) if bench.short else (composites.WIDE, composites.HIGH)
    rows: list[dict[str, Any]] = []
    costs: list[dict[str, float]] = []
    for each in composites.every(*size, most=3 if bench.short else None):
        truth = mask_size(each.alpha)
        seen, _ = segmenter.mask(each.photo)
        small = segmenter.shown
        assert small is not None
        iou = overlap(seen, truth)
        masks = {"ideal": degraded(truth, each.number)}
        if iou >= FOUND:
            masks["own"] = seen
        for name, mask in masks.items():
            rows.append(
                {"number": each.number, "kind": each.kind, "mask": name, "iou": iou}
                | judged(each, mask, small)
            )  # fmt: skip
        if each.kind in ("hard", "hair", "small") and each.number < 9:
            costs.append(cost(each.photo, masks["ideal"], small, each.kind))
        said = ", ".join(f"{row['mask']} {row['sad']:.2f}" for row in rows[-len(masks) :])
        bench.say(f"{each.number} {each.kind}: SAD {said}")
    return {"size": size, "rows": rows, "costs": costs}


def overlap(mask: Bytes, truth: Floats) -> float:
    """Soft intersection over union of a mask, 0 to 255, and the truth of its size, 0 to 1."""
    own = np.float32(1 / 255) * mask
    return float(np.minimum(own, truth).sum() / np.maximum(own, truth).sum())


def mask_size(alpha: Floats) -> Floats:
    """The truth at the size of the model's mask."""
    image = Image.fromarray(alpha).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    return np.asarray(image, np.float32)


def degraded(truth: Floats, number: int) -> Bytes:
    """The truth as a good model gives it: blurred, warped by 0.6 pixels, a little too steep."""
    from scipy import ndimage

    random = np.random.default_rng(number)
    blurred = ndimage.gaussian_filter(truth, 1.0)
    drift = [ndimage.gaussian_filter(random.normal(0, 1, truth.shape), 8) for _ in range(2)]
    where = np.indices(truth.shape) + np.array([0.6 * each / each.std() for each in drift])
    warped = ndimage.map_coordinates(blurred, where, order=1, mode="nearest")
    steep = ((warped - 0.5) * 1.4 + 0.5).clip(0, 1)
    mask: Bytes = (steep * 255).astype(np.uint8)
    return mask


def plain(photo: Bytes, mask: Bytes) -> Bytes:
    """The cut-out by the mask as it is, (H, W, 4)."""
    return compose.compose(_rgbx(photo), mask)


def fine(photo: Bytes, mask: Bytes, small: Bytes) -> Bytes:
    """The cut-out with fine edges, (H, W, 4), as `picture.cutting` makes it."""
    return _refined(_rgbx(photo), mask, small)


def _refined(rgbx: Bytes, mask: Bytes, small: Bytes) -> Bytes:
    height, width = rgbx.shape[:2]
    mask = inside.decided(mask)
    edge = Edge(colour_line.planes(small, mask, height, width), height, width)
    compose.compose(rgbx, mask, None, 1, edge)
    edge.finish(rgbx)
    return rgbx


def _rgbx(photo: Bytes) -> Bytes:
    rgbx = np.full((*photo.shape[:2], 4), 255, np.uint8)
    rgbx[..., :3] = photo
    return rgbx


def judged(each: Composite, mask: Bytes, small: Bytes) -> dict[str, float]:
    """Fine's errors over plain's, and the share of the inside that is opaque."""
    before, after = plain(each.photo, mask), fine(each.photo, mask, small)
    truth = each.alpha
    alphas = [cut[..., 3] * np.float32(1 / 255) for cut in (before, after)]
    soft = ((truth > 0) & (truth < 1)) | ((alphas[0] > 2 / 255) & (alphas[0] < 253 / 255))
    band = _grown(soft, 15)
    rows, columns = (np.flatnonzero(band.any(axis=side)) for side in (1, 0))
    near = np.s_[
        max(rows[0] - 20, 0) : rows[-1] + 20, max(columns[0] - 20, 0) : columns[-1] + 20
    ]  # fmt: skip
    band, truth = band[near], truth[near]
    slopes = _slopes(truth)
    sad = [float(np.abs(alpha[near] - truth)[band].sum()) for alpha in alphas]
    grad = [float(((_slopes(alpha[near]) - slopes)[band] ** 2).sum()) for alpha in alphas]
    mixed = soft_in_either(truth, alphas[0][near])
    whole = [off(cut[near], each.subject[near], truth, mixed) for cut in (before, after)]
    inside = ~_grown(truth < 1, 12)
    return {
        "sad": sad[1] / sad[0], "gradient": grad[1] / grad[0], "whole": whole[1] / whole[0],
        "opaque": float((after[near][..., 3][inside] == 255).mean()) if inside.any() else 1.0,
        "plain_levels": whole[0], "fine_levels": whole[1],
    }  # fmt: skip


def _grown(where: np.ndarray[Any, np.dtype[np.bool_]], by: int) -> np.ndarray[Any, Any]:
    """By ``by`` pixels, of which whole fives count, in each direction."""
    from scipy import ndimage

    wide = ndimage.maximum_filter(where.astype(np.uint8), 10 * (by // 5) + 1, mode="nearest")
    return np.asarray(wide > 0)


def _slopes(alpha: Floats) -> Floats:
    from scipy import ndimage

    down, across = (ndimage.gaussian_filter(alpha, 1.4, order) for order in ((1, 0), (0, 1)))
    steepness: Floats = np.hypot(down, across).astype(np.float32)
    return steepness


def soft_in_either(truth: Floats, alpha: Floats) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Where the whole picture is judged: the truth is soft there, or the plain mask's alpha."""
    soft = [(each > _SOFT[0]) & (each < _SOFT[1]) for each in (truth, alpha)]
    both: np.ndarray[Any, np.dtype[np.bool_]] = soft[0] | soft[1]
    return both


def off(cut: Bytes, subject: Bytes, truth: Floats, where: Any) -> float:
    """The mean error of a cut-out ``where`` it is judged, in levels over white, black and green."""
    share = cut[where][:, 3:] * np.float32(1 / 255)
    colours, want, right = cut[where][:, :3].astype(np.float32), subject[where], truth[where]
    errors = []
    for ground in np.array(_GROUNDS, np.float32):
        got = share * colours + (1 - share) * ground
        errors.append(np.abs(got - right[:, None] * want - (1 - right[:, None]) * ground).mean())
    return float(np.mean(errors))


def cost(photo: Bytes, mask: Bytes, small: Bytes, kind: str) -> dict[str, Any]:
    """Milliseconds of processor time a megapixel, in turns, and the peaks of memory."""
    megapixels = photo.shape[0] * photo.shape[1] / 1e6
    ways: tuple[Callable[[Bytes], object], ...] = (
        lambda rgbx: compose.compose(rgbx, mask),
        lambda rgbx: _refined(rgbx, mask, small),
    )
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(_COSTS):
        for times, way in zip(took, ways, strict=True):
            rgbx = _rgbx(photo)
            began = time.process_time()
            way(rgbx)
            times.append((time.process_time() - began) * 1000 / megapixels)
    peaks = []
    for way in ways:
        rgbx = _rgbx(photo)
        tracemalloc.start()
        way(rgbx)
        peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
        tracemalloc.stop()
    return {
        "kind": kind, "plain": min(took[0]), "fine": min(took[1]),
        "more_mb": max(0.0, peaks[1] - peaks[0]),
    }  # fmt: skip


def mean(rows: list[dict[str, Any]], what: str) -> float:
    """The geometric mean of ratios."""
    return math.exp(statistics.fmean(math.log(max(row[what], 1e-6)) for row in rows))


def _of(rows: list[dict[str, Any]], mask: str, *, judging: bool | None = None) -> list[Any]:
    return [
        row for row in rows
        if row["mask"] == mask and judging in (None, row["number"] % 2 == 1)
    ]  # fmt: skip


def section(result: dict[str, Any]) -> list[str]:
    """By mask and half, by kind, and what it costs."""
    width, height = result["size"]
    rows = result["rows"]
    lines = [
        "## Edges", "",
        f"`output.edges: fine` over `plain`, geometric means on composites of {width}×{height}"
        " with known alpha; nothing was tuned on the judging half. Ideal: the truth as a mask of"
        " 320², blurred, warped and steepened. Own: U²-Net's mask, where it finds the subject.", "",
        "| mask | composites | SAD | worst | gradient | whole picture | inside opaque |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for mask in ("ideal", "own"):
        for half, judging in (("all", None), ("tuning", False), ("judging", True)):
            some = _of(rows, mask, judging=judging)
            if some:
                lines.append(f"| {mask}, {half} | {_row(some)}")
    lines += ["", "| ideal mask, by edge | composites | SAD | worst | gradient | whole picture |"
              " inside opaque |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for kind in composites.KINDS:
        some = [row for row in _of(rows, "ideal") if row["kind"] == kind]
        if some:
            lines.append(f"| {kind} | {_row(some)}")
    lines += ["", "| cost, one thread | plain, ms/MP | fine beyond it, ms/MP | more memory, MB |",
              "|---|---|---|---|"]  # fmt: skip
    for each in result["costs"]:
        beyond = each["fine"] - each["plain"]
        lines.append(f"| {each['kind']} | {each['plain']:.1f} | {beyond:.1f} |"
                     f" {each['more_mb']:.0f} |")  # fmt: skip
    return lines


def _row(some: list[dict[str, Any]]) -> str:
    means = [mean(some, what) for what in ("sad", "gradient", "whole")]
    worst = max(row["sad"] for row in some)
    opaque = statistics.fmean(row["opaque"] for row in some)
    return (
        f"{len(some)} | {means[0]:.2f} | {worst:.2f} | {means[1]:.2f} | {means[2]:.2f} |"
        f" {opaque:.3f} |"
    )


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bars, on all composites."""
    found = []
    for mask, sad, gradient in (("ideal", 0.50, 0.28), ("own", 0.60, 0.35)):
        some = _of(result["rows"], mask)
        if not some:
            continue
        called = "ideal masks" if mask == "ideal" else "U²-Net's own masks"
        found += [
            _ratio(f"edges, {called}: SAD", mean(some, "sad"), sad),
            _ratio(f"edges, {called}: gradient", mean(some, "gradient"), gradient),
            _ratio(f"edges, {called}: worst SAD", max(row["sad"] for row in some), 1.02),
            _ratio(f"edges, {called}: whole picture", mean(some, "whole"), 0.48),
        ]
    if result["costs"]:
        beyond = statistics.fmean(each["fine"] - each["plain"] for each in result["costs"])
        more = max(each["more_mb"] for each in result["costs"])
        found += [
            Verdict("edges: cost beyond plain", "≤ 12 ms/MP", f"{beyond:.1f} ms/MP", beyond <= 12),
            Verdict("edges: memory beyond plain", "≤ 60 MB", f"{more:.0f} MB", more <= 60),
        ]
    return found


def _ratio(what: str, figure: float, bar: float) -> Verdict:
    return Verdict(what, f"≤ {bar:g} of plain", f"{figure:.2f}", figure <= bar)
