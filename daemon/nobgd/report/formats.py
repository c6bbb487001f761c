"""Tables as CSV, JSON and Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

from nobgd.report.tables import Table, printable


def as_csv(found: list[Table]) -> str:
    """One table after the other, each row led by its table's name; numbers in full."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    for table in found:
        writer.writerow(["table", *table.columns])
        for row in table.raw:
            writer.writerow([table.key, *(_safe(value) for value in row)])
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
            {str(row[0]): row[1] for row in table.raw}
            if not any(table.columns)
            else [dict(zip(table.columns, row, strict=True)) for row in table.raw]
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
