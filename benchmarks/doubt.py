"""Whether `doubt` finds the cut-outs that a person should look at, on photos labelled by eye.

Its bound on patches was chosen on one half of the photos; the bars hold for the other.
"""

from __future__ import annotations

from typing import Any

from benchmarks import labelled
from benchmarks.part import Bench, Verdict
from nobgd import models
from nobgd.inference import local
from nobgd.picture import cutting
from nobgd.picture.decode import decode, look
from nobgd.values.doubt import AUTO

_ENOUGH = 150
_SHORT = ("bundled-coffee", "bundled-dog", "bundled-rocket", "bundled-owl", "skimage-gravel")
_BARS = (
    ("precision", 0.88), ("recall", 0.80), ("recall_no_subject", 1.0), ("good_flagged", 0.10),
)  # fmt: skip
_SAID = {
    "precision": "of those flagged, such that a person should look at",
    "recall": "of those that a person should look at, flagged",
    "recall_no_subject": "of those without a subject, flagged",
    "good_flagged": "of the good ones, flagged",
}


def measure(bench: Bench) -> dict[str, Any]:
    """A row for each photo that is here: its label, its half, and how doubtful its cut-out is."""
    model = models.find("u2net", "fp32", bench.weights)
    segmenter = local.segmenter(
        str(model.path), model.spec, 1, str(bench.work / "doubt-cache")
    )  # fmt: skip
    rows = []
    for photo, data in labelled.found(bench.photos):
        if bench.short and photo.name not in _SHORT:
            continue
        found = cutting.find(decode(data, look(data)), segmenter, 1)
        rows.append(
            {"name": photo.name, "label": photo.label, "held_out": photo.held_out,
             "doubt": found.doubt, "confidence": round(float(found.confidence), 3)}
        )  # fmt: skip
    bench.say(f"{len(rows)} labelled photos of {len(labelled.every())}")
    return {"labelled": len(labelled.every()), "photos": rows}


def judged(rows: list[dict[str, Any]]) -> dict[str, float | None]:
    """Shares of these photos by what they are and whether they are flagged; None: of nothing."""
    flagged = {row["name"] for row in rows if row["doubt"] > AUTO}

    def share(of: list[dict[str, Any]]) -> float | None:
        return sum(row["name"] in flagged for row in of) / len(of) if of else None

    good = [row for row in rows if row["label"] == "good"]
    other = [row for row in rows if row["label"] != "good"]
    hits = sum(row["name"] in flagged for row in other)
    return {
        "precision": hits / len(flagged) if flagged else None,
        "recall": share(other),
        "recall_bad": share([row for row in rows if row["label"] == "bad"]),
        "recall_no_subject": share([row for row in rows if row["label"] == "no_subject"]),
        "good_flagged": share(good),
    }


def section(result: dict[str, Any]) -> list[str]:
    """The shares of both halves, and what was missed."""
    rows = result["photos"]
    lines = [
        "## Doubt", "",
        f"{len(rows)} of {result['labelled']} photos that were labelled by eye, from their cut-outs"
        " by u2net over magenta, before anything was measured. Flagged: a doubt above"
        f" {AUTO:g}. The bound on patches was chosen on one half.",
    ]  # fmt: skip
    if len(rows) < result["labelled"]:
        lines[-1] += (
            " The others are in packages of Debian: `python -m benchmarks.gather FOLDER`, then"
            " `make bench PARTS=doubt PHOTOS=FOLDER`."
        )
    lines += [
        "", "| photos | good | bad | no subject | precision | recall | of the bad |"
        " of those without a subject | good ones flagged |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for half, some in (("tuned on", _half(rows, False)), ("held out", _half(rows, True))):
        if some:
            numbers = [sum(row["label"] == label for row in some) for label in labelled.LABELS]
            cells = [_figure(share) for share in judged(some).values()]
            lines.append(f"| {half} | {' | '.join([*map(str, numbers), *cells])} |")
    held = _half(rows, True)
    wrong = [row["name"] for row in held if row["label"] == "good" and row["doubt"] > AUTO]
    missed = [row["name"] for row in held if row["label"] != "good" and row["doubt"] <= AUTO]
    lines += ["", f"Held out and missed: {', '.join(missed) or 'none'}. Flagged and good:"
              f" {', '.join(wrong) or 'none'}."]  # fmt: skip
    return lines


def _half(rows: list[dict[str, Any]], held_out: bool) -> list[dict[str, Any]]:
    return [row for row in rows if row["held_out"] == held_out]


def _figure(share: float | None) -> str:
    return "–" if share is None else f"{share:.2f}"


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bars, on the half that is held out."""
    rows = result["photos"]
    found = [
        Verdict("doubt: labelled photos", f"≥ {_ENOUGH}", str(len(rows)), len(rows) >= _ENOUGH)
    ]
    shares = judged(_half(rows, True))
    for name, bar in _BARS:
        share = shares[name]
        if share is not None:
            most = name == "good_flagged"
            found.append(
                Verdict(
                    f"doubt, held out: {_SAID[name]}", f"{'≤' if most else '≥'} {bar:.2f}",
                    f"{share:.2f}", share <= bar if most else share >= bar,
                )
            )  # fmt: skip
    return found
