"""A summary as one self-contained HTML page: no script, no network, light, dark and on paper."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from nobgd import __version__
from nobgd.report import charts, tables
from nobgd.report.summary import STAGES, Summary
from nobgd.report.tables import Table

# classes of columns of text: paths, sentences, either; others have words that are not broken
_KINDS = {"photo": "path", "for example": "path", "inbox": "path", "reason": "long", "": "any"}


def render(summary: Summary) -> str:
    """The page as text; its size does not depend on the log's."""
    found = {table.key: table for table in tables.every(summary)}
    title = f"{summary.photos:,} photos cut out"
    style = files("nobgd.report").joinpath("page.css").read_text("utf-8")
    drift = summary.drift
    tone = "warn" if drift is not None and drift.percent >= 10 else "note"
    body = [
        f"<h1>{title}</h1>",
        f"<p>{escape(tables.when(summary.first))} to {escape(tables.when(summary.last))}</p>",
        _cards(summary),
        f'<section class="{tone}">{escape(tables.drift_sentence(summary))}</section>',
    ]
    if summary.photos:
        body.append('<div class="grid2">')
        each = f"each bar is {_length(summary)}"
        what = f"Megapixels a minute; {each}"
        body.append(_section("Throughput", what, charts.throughput(summary)))
        body.append(
            _section(
                "Cost of a megapixel",
                f"Line: {tables.cost(summary)}",
                charts.cost(summary),
            )
        )
        body.append(
            _section("Stages by resolution", "Mean of a photo", _key() + charts.stages(summary))
        )
        what = f"Mean, seconds; {each}"
        body.append(_section("Wait for a lane", what, charts.waits(summary)))
        if summary.failures:  # the fifth, so that it has a row of its own
            what = f"Attempts that failed and quarantined photos; {each}"
            body.append(_section("Failures", what, _of_either_width(summary), "whole"))
        body.append("</div>")
    body += [_table(table) for key, table in found.items() if key != "totals"]
    body.append(_table(found["totals"]))
    body.append(f"<p>Made by nobgd {escape(__version__)} from {_origin(summary)}.</p>")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>nobgd: {title}</title><style>{style}</style></head>\n"
        f"<body><main>\n{chr(10).join(body)}\n</main></body></html>\n"
    )


def _origin(summary: Summary) -> str:
    names = ", ".join(escape(tables.printable(name)) for name in summary.sources[:5])
    more = f" and {len(summary.sources) - 5} more" if len(summary.sources) > 5 else ""
    foreign = f" ({summary.foreign:,} lines were not nobgd's)" if summary.foreign else ""
    return f"{summary.lines:,} lines of {names or 'the log'}{more}{foreign}"


def _cards(summary: Summary) -> str:
    median = summary.all.p50_ms_per_mp if summary.all else 0.0
    cards = [
        (f"{summary.photos:,}", "photos"),
        (f"{summary.megapixels:,.0f}", "megapixels"),
        (f"{summary.megapixels_per_minute:,.0f}", "MP a minute of work"),
        (f"{median:,.0f} ms", "per megapixel, median"),
        (f"{summary.quarantined:,}", "quarantined"),
        (f"{summary.copied:,}", "duplicates saved"),
        (f"{summary.doubtful:,}", "doubtful"),
        (f"{summary.unsure_count:,}", "low confidence"),
    ]
    drawn = "".join(
        f'<div class="card"><b>{value}</b><span>{name}</span></div>' for value, name in cards
    )
    return f'<div class="cards">{drawn}</div>'


def _key() -> str:
    parts = [
        f'<span><i style="background:var(--s{n})"></i>{name}</span>'
        for n, name in enumerate(STAGES)
    ]
    return f'<div class="key">{"".join(parts)}</div>'


def _length(summary: Summary) -> str:
    """How long the stretches of a chart in time are: `30 s`, `10 min`, `1 d`."""
    return tables.span(summary.moments[0].span_s).replace(".0 s", " s")


def _of_either_width(summary: Summary) -> str:
    """Two drawings, of which a screen shows one: letters are not stretched with the bars."""
    narrow, wide = (charts.failures(summary, wide=wide) for wide in (False, True))
    return f'<div class="narrow">{narrow}</div><div class="wide">{wide}</div>'


def _section(title: str, what: str, drawn: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f"<section{attribute}><h2>{escape(title)}</h2><p>{escape(what)}</p>{drawn}</section>"


def _kind(column: str, digits: int | None) -> str:
    """The class of a column's cells."""
    return "n" if digits is not None else _KINDS.get(column, "word")


def _cell(cell: str, kind: str) -> str:
    """Its text; a path may be broken after its slashes, and elsewhere only if it must."""
    text = escape(cell)
    return text.replace("/", "/<wbr>") if kind == "path" else text


def _table(table: Table) -> str:
    kinds = [_kind(*column) for column in zip(table.columns, table.digits, strict=True)]
    head = "".join(
        f"<th{' class=n' if kind == 'n' else ''}>{escape(name)}</th>"
        for name, kind in zip(table.columns, kinds, strict=True)
    )
    rows = [
        "<tr>" + "".join(
            f"<td class={kind}>{_cell(cell, kind)}</td>"
            for cell, kind in zip(row, kinds, strict=True)
        ) + "</tr>"
        for row in table.cells
    ]  # fmt: skip
    top = f"<thead><tr>{head}</tr></thead>" if any(table.columns) else ""
    return (
        f'<section id="{table.key}"><h2>{escape(table.title)}</h2><div class="scroll"'
        f' role="region" aria-label="{escape(table.title)}" tabindex="0"><table>{top}'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )
