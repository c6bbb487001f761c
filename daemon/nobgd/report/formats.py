"""Tables as CSV, JSON and Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

from nobgd.report.tables import Table, printable

_WORDS = (
    ("ms/MP", "ms_per_megapixel"), ("MP", "megapixels"), ("MB", "mb"), ("%", "percent"),
    (" ", "_"),
)  # fmt: skip


def _key(column: str) -> str:
    """A column's heading as a name for programs: `ms/MP p50` is ms_per_megapixel_p50."""
    for words, name in _WORDS:
        column = column.replace(words, name)
    return column or "total"


def as_csv(found: list[Table]) -> str:
    """One long table: a line for each value, with its table, row and column; numbers in full."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["table", "row", "column", "value"])
    for table in found:
        if table.values is not None:
            writer.writerows([table.key, "", *each] for each in table.values.items())
            continue
        for row in table.raw:
            for column, value in zip(table.columns[1:], row[1:], strict=True):
                writer.writerow([table.key, _safe(row[0]), _safe(_key(column)), _safe(value)])
    return stream.getvalue()


def _safe(value: object) -> object:
    """A name that a spreadsheet would take for a formula is led by an apostrophe."""
    if not isinstance(value, str):
        return value
    return ("'" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else "") + printable(value)


def as_json(found: list[Table]) -> str:
    """An object by table name: lists of objects by column; numbers in full."""
    whole = {
        table.key: (
            dict(table.values)
            if table.values is not None
            else [dict(zip(map(_key, table.columns), row, strict=True)) for row in table.raw]
        )
        for table in found
    }
    return json.dumps(whole, indent=1) + "\n"


def as_markdown(found: list[Table]) -> str:
    """Titles and pipe tables."""
    lines = []
    for table in found:
        lines += [f"## {table.title}", ""]
        lines.append(f"| {' | '.join(table.columns)} |")
        lines.append("|" + "".join("---|" if d is None else "---:|" for d in table.digits))
        lines += [f"| {' | '.join(map(_escaped, row))} |" for row in table.cells]
        lines.append("")
    return "\n".join(lines)


def _escaped(cell: str) -> str:
    for mark in "\\`*_|<>[]":
        cell = cell.replace(mark, f"\\{mark}")
    return cell


FORMATS: dict[str, Callable[[list[Table]], str]] = {
    "csv": as_csv, "json": as_json, "markdown": as_markdown,
}  # fmt: skip
