"""Two summaries side by side, with ratios."""

from __future__ import annotations

from nobgd.report.summary import STAGES, Row, Summary
from nobgd.report.tables import Table, Value


def _ratio(first: float | None, second: float | None) -> float | None:
    return second / first if first and second is not None else None


def compare(first: Summary, second: Summary, names: tuple[str, str]) -> list[Table]:
    """Totals, sizes and stages of both; the ratio is the second's over the first's."""
    return [
        _totals(first, second, names),
        _sizes(first, second, names),
        *_stages(first, second, names),
    ]


def _totals(first: Summary, second: Summary, names: tuple[str, str]) -> Table:
    whole = (first.all, second.all)

    def line(name: str, a: float | None, b: float | None) -> tuple[Value, ...]:
        return name, a, b, _ratio(a, b)

    def of(field: str) -> tuple[float | None, float | None]:
        found = [getattr(row, field) if row else None for row in whole]
        return found[0], found[1]

    raw = (
        line("photos", first.photos, second.photos),
        line("megapixels", first.megapixels, second.megapixels),
        line("photos per minute of work", first.photos_per_minute, second.photos_per_minute),
        line("MP per minute of work", first.megapixels_per_minute, second.megapixels_per_minute),
        line("mean ms", *of("mean_ms")), line("p50 ms", *of("p50_ms")),
        line("p95 ms", *of("p95_ms")),
        line("ms/MP mean", *of("mean_ms_per_mp")), line("ms/MP p50", *of("p50_ms_per_mp")),
        line("ms/MP p95", *of("p95_ms_per_mp")),
        line("fixed ms", first.fixed_ms, second.fixed_ms),
        line("ms per megapixel", first.ms_per_mp, second.ms_per_mp),
        line("peak MB", *of("peak_rss_mb")),
        line("wait for a lane, p50 ms", first.queued_p50_ms, second.queued_p50_ms),
        line("quarantined", first.quarantined, second.quarantined),
        line("attempts that failed", first.failed, second.failed),
    )  # fmt: skip
    return Table("compare", "Compared", ("", *names, "ratio"), raw, (None, 1, 1, 2))


def _sizes(first: Summary, second: Summary, names: tuple[str, str]) -> Table:
    rows = [_by_name(summary) for summary in (first, second)]
    sizes = list(dict.fromkeys([*rows[0], *rows[1]]))
    raw = []
    for size in sizes:
        a, b = (each.get(size) for each in rows)
        times = (a.p50_ms if a else None, b.p50_ms if b else None)
        counts = (a.photos if a else 0, b.photos if b else 0)
        raw.append((size, *counts, *times, _ratio(*times)))
    columns = ("size", *(f"photos {n}" for n in names), *(f"p50 ms {n}" for n in names), "ratio")
    return Table("compare_sizes", "By resolution", columns, tuple(raw), (None, 0, 0, 0, 0, 2))


def _stages(first: Summary, second: Summary, names: tuple[str, str]) -> list[Table]:
    if first.all is None or second.all is None:
        return []
    raw = tuple(
        (name, first.all.stages_ms[name], second.all.stages_ms[name],
         _ratio(first.all.stages_ms[name], second.all.stages_ms[name]))
        for name in STAGES
    )  # fmt: skip
    columns = ("stage", *(f"mean ms {name}" for name in names), "ratio")
    return [Table("compare_stages", "By stage", columns, raw, (None, 1, 1, 2))]


def _by_name(summary: Summary) -> dict[str, Row]:
    return {row.name: row for row in summary.buckets}
