"""A summary as tables: titles, columns and cells of text, for terminal, page and files alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nobgd.fs.names import bare
from nobgd.report.summary import STAGES, Row, Summary

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """One table; ``raw`` has the same shape as ``cells`` with numbers as they are."""

    key: str  # its name in JSON and CSV
    title: str
    columns: tuple[str, ...]
    raw: tuple[tuple[Value, ...], ...]
    digits: tuple[int | None, ...]  # decimals of a column; None: text
    values: Mapping[str, Value] | None = None  # for programs, where cells are words for people

    @property
    def cells(self) -> list[list[str]]:
        """The text of every cell."""
        return [
            [_text(value, digits) for value, digits in zip(row, self.digits, strict=True)]
            for row in self.raw
        ]


def _text(value: Value, digits: int | None) -> str:
    if value is None:
        return ""
    return printable(str(value)) if digits is None else f"{value:,.{digits}f}"


def printable(text: str) -> str:
    """Text that moves no cursor: control characters and lone surrogates are escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def when(moment: float) -> str:
    """Local time to the second, with the zone's offset."""
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S%z")


def span(seconds: float) -> str:
    """`3 d 4 h`, `12 min 5 s`, `4.2 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    parts = []
    left = round(seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts[:2])


def cost(summary: Summary) -> str:
    """`210 ms + 84.0 ms per MP`, or without the fixed part where that cannot be told."""
    if summary.alike:
        return f"{summary.ms_per_mp:,.1f} ms per MP (sizes are too alike to tell a fixed part)"
    return f"{summary.fixed_ms:,.0f} ms + {summary.ms_per_mp:,.1f} ms per MP"


def totals(summary: Summary) -> Table:
    """The head of the report."""
    rows: list[tuple[Value, ...]] = [
        ("photos", f"{summary.photos:,}"),
        ("megapixels", f"{summary.megapixels:,.1f}"),
        ("per minute of work", f"{summary.photos_per_minute:,.1f} photos,"
         f" {summary.megapixels_per_minute:,.1f} MP"),
        ("at work", f"{span(summary.busy_s)} of {span(summary.wall_s)}"),
        ("time of a photo", cost(summary)),
        ("wait for a lane",
         f"{summary.queued_p50_ms:,.0f} ms (p95 {summary.queued_p95_ms:,.0f} ms)"),
        ("quarantined", f"{summary.quarantined:,}"),
        ("attempts that failed", f"{summary.failed:,}"),
        ("rendered from cut-outs", f"{summary.rendered:,}"),
        ("duplicates saved", f"{summary.copied:,}"),
        ("found finished", f"{summary.found:,}"),
        ("skipped", f"{summary.skipped:,}"),
        ("low confidence", f"{summary.unsure_count:,}"),
        ("doubtful", f"{summary.doubtful:,}"),
    ]  # fmt: skip
    if summary.first:
        rows.insert(0, ("from", when(summary.first)))
        rows.insert(1, ("to", when(summary.last)))
    return Table("totals", "Totals", ("", ""), tuple(rows), (None, None), _values(summary))


def _values(summary: Summary) -> dict[str, Value]:
    """The same as plain numbers, the unit in the name; moments in ISO 8601."""
    values: dict[str, Value] = {
        "photos": summary.photos,
        "megapixels": summary.megapixels,
        "photos_per_minute": summary.photos_per_minute,
        "megapixels_per_minute": summary.megapixels_per_minute,
        "busy_s": summary.busy_s,
        "wall_s": summary.wall_s,
        "fixed_ms": summary.fixed_ms,
        "ms_per_megapixel": summary.ms_per_mp,
        "queued_ms_p50": summary.queued_p50_ms,
        "queued_ms_p95": summary.queued_p95_ms,
        "quarantined": summary.quarantined,
        "attempts_failed": summary.failed,
        "rendered": summary.rendered,
        "copied": summary.copied,
        "found": summary.found,
        "skipped": summary.skipped,
        "low_confidence": summary.unsure_count,
        "doubtful": summary.doubtful,
    }
    if summary.first:
        values = {"from": _iso(summary.first), "to": _iso(summary.last), **values}
    return values


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().isoformat(timespec="seconds")


_TIMES = (
    "photos", "mean ms", "p50 ms", "p95 ms", "ms/MP mean", "ms/MP p50", "ms/MP p95", "peak MB",
)  # fmt: skip
_TIME_DIGITS = (0, 0, 0, 0, 1, 1, 1, 0)


def _times(row: Row) -> tuple[Value, ...]:
    return (
        row.photos, row.mean_ms, row.p50_ms, row.p95_ms, row.mean_ms_per_mp, row.p50_ms_per_mp,
        row.p95_ms_per_mp, row.peak_rss_mb,
    )  # fmt: skip


def _kinds(key: str, title: str, what: str, rows: tuple[Row, ...]) -> Table:
    raw = tuple((row.name, *_times(row)) for row in rows)
    return Table(key, title, (what, *_TIMES), raw, (None, *_TIME_DIGITS))


def resolutions(summary: Summary) -> Table:
    """By resolution, with the columns of the published table, and all together."""
    rows = summary.buckets + ((summary.all,) if summary.all else ())
    return _kinds("resolutions", "By resolution", "size", rows)


def stages(summary: Summary) -> Table:
    """What share of its time a photo spends in each stage."""
    rows = summary.buckets + ((summary.all,) if summary.all else ())
    raw: tuple[tuple[Value, ...], ...] = tuple(
        (row.name, *(row.stages_ms[name] * 100 / row.mean_ms for name in STAGES)) for row in rows
    )
    columns = ("size", *(f"{name} %" for name in STAGES))
    return Table("stages", "Share of each stage", columns, raw, (None, *(1 for _ in STAGES)))


def failures(summary: Summary) -> Table:
    """By code, with an example each."""
    raw = tuple(
        (each.code, each.quarantined, each.failed, each.source, bare(each.source, each.reason))
        for each in summary.failures
    )
    columns = ("code", "quarantined", "failed", "for example", "reason")
    return Table("failures", "Failures", columns, raw, (None, 0, 0, None, None))


def slowest(summary: Summary) -> Table:
    """The ten that took longest."""
    raw = tuple(
        (each.source, each.megapixels, each.total_ms, each.ms_per_megapixel, each.stage)
        for each in summary.slowest
    )
    columns = ("photo", "MP", "ms", "ms/MP", "longest in")
    return Table("slowest", "Slowest", columns, raw, (None, 1, 0, 1, None))


def unsure(summary: Summary) -> Table:
    """Photos that may have no subject."""
    raw = tuple((each.source, each.subject_confidence) for each in summary.unsure)
    return Table("low_confidence", "Low confidence", ("photo", "confidence"), raw, (None, 2))


def drift_sentence(summary: Summary) -> str:
    """Whether work is getting slower."""
    found = summary.drift
    if found is None:
        return "Drift: too few photos of the same kind and size to compare two periods."
    word = "slower" if found.percent > 0 else "quicker"
    if abs(found.percent) < 10:
        return f"Drift: none; the work is {abs(found.percent):.0f} % {word} than before."
    return (
        f"Drift: since {when(found.since)} a photo takes {abs(found.percent):.0f} % "
        f"{'more' if found.percent > 0 else 'less'} than others of its kind and size did"
        f" ({found.recent_ms_per_mp:.1f} instead of {found.before_ms_per_mp:.1f} ms per megapixel);"
        f" most of it in {found.stage}."
    )


def every(summary: Summary) -> list[Table]:
    """All tables that have rows, in their order."""
    found = [
        totals(summary),
        resolutions(summary),
        stages(summary),
        _kinds("inboxes", "By inbox", "inbox", summary.inboxes),
        _kinds("models", "By model", "model", summary.models),
        _kinds("machines", "By machine that made the mask", "machine", summary.hosts),
        failures(summary),
        slowest(summary),
        unsure(summary),
    ]
    return [table for table in found if table.raw]
