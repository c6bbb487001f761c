"""A lane's own work on a photo: its processor time by stage, without the model's.

The worker as a lane runs it, one thread; the model's answer is one that it gave before.  A part of
`fine`.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from benchmarks.part import Bench
from nobgd import models
from nobgd.inference.models import Models
from nobgd.lane import worker
from nobgd.picture.segment import Floats, Raw, Segmenter
from nobgd.values import Done, Job, Recipe, wire

EDGES = ("plain", "fine")
STAGES = ("read", "decode", "infer", "edges", "compose", "encode", "publish", "confirm")


def measure(bench: Bench, made: list[Path], turns: int) -> dict[str, dict[str, float]]:
    """Milliseconds by stage and in all, for each of `EDGES`: means over photos of medians."""
    found = models.find("u2net", "fp32", bench.weights)
    spec = found.spec
    weights = wire.Weights(
        str(found.path), found.sha256, spec.name, "fp32", spec.input_size, spec.mean, spec.std
    )
    model = Models([weights], str(bench.work / "own-cache"), 1)
    model.net(0, 1)
    known: dict[bytes, Raw] = {}

    def remembered(feed: Floats, threads: int) -> Raw:
        key = feed[0, 0, ::8, ::8].tobytes()
        if key not in known:
            known[key] = Raw(model.run(0, feed, threads)[0], threads)
        return known[key]

    segmenter = Segmenter(spec, remembered)
    out = bench.work / "own"
    out.mkdir(exist_ok=True)
    spent: dict[str, list[dict[str, float]]] = {edges: [] for edges in EDGES}
    for photo in made:
        runs: dict[str, list[dict[str, float]]] = {edges: [] for edges in EDGES}
        for turn in range(turns + 1):
            for edges in EDGES if turn % 2 else reversed(EDGES):
                ran = _one(
                    photo, out, Recipe("u2net", found.sha256, "fp32", edges=edges), segmenter
                )
                if turn:
                    runs[edges].append(ran)
        for edges, each in runs.items():
            spent[edges].append(
                {key: statistics.median(run[key] for run in each) for key in each[0]}
            )
    return {
        edges: {key: statistics.fmean(run[key] for run in each) for key in each[0]}
        for edges, each in spent.items()
    }


def _one(photo: Path, out: Path, recipe: Recipe, segmenter: Segmenter) -> dict[str, float]:
    """One run of the worker; milliseconds of processor time by stage."""
    seen = photo.stat()
    name = f"{photo.stem}.png"
    (out / name).unlink(missing_ok=True)
    job = Job(
        str(photo.parent), photo.name, seen.st_size, seen.st_mtime_ns, str(out), (name,),
        frozenset(), frozenset(), "bench", recipe, quiet_s=99.0,
    )  # fmt: skip
    spent = dict.fromkeys(STAGES, 0.0)
    now = STAGES[0]
    since = began = time.process_time()

    def stage(name: str) -> None:
        nonlocal now, since
        at = time.process_time()
        spent[now] += (at - since) * 1000
        now, since = name, at

    outcome = worker.process(job, segmenter, lambda _: 1, stage)
    stage("publish")
    assert isinstance(outcome, Done), outcome
    return {**spent, "all": (time.process_time() - began) * 1000}
