"""Tables for a terminal, by rich where it is one, else aligned plain text."""

from __future__ import annotations

from typing import TextIO

from nobgd.fs.names import shown
from nobgd.report import tables
from nobgd.report.summary import Summary
from nobgd.report.tables import Table

_NARROWEST = 10  # columns of text
_LONGEST = 60  # of a path in plain text; its end is what tells


def show(summary: Summary, out: TextIO, *, width: int | None = None) -> None:
    """Write the report to ``out``."""
    for table in tables.every(summary):
        show_table(table, out, width=width)
    out.write(f"{tables.drift_sentence(summary)}\n")
    if summary.drifts_said:
        out.write(f"The daemon itself has said service.drift {summary.drifts_said} times.\n")
    if summary.foreign:
        out.write(f"{summary.foreign:,} of {summary.lines:,} lines were torn or not nobgd's.\n")


def show_table(table: Table, out: TextIO, *, width: int | None = None) -> None:
    """One table."""
    if out.isatty() or width is not None:
        _rich(table, out, width)
    else:
        _plain(table, out)


def _rich(table: Table, out: TextIO, width: int | None) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(
        title=table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
        show_header=any(table.columns), pad_edge=False, collapse_padding=True,
    )  # fmt: skip
    for name, digits in zip(table.columns, table.digits, strict=True):
        text = digits is None
        drawn.add_column(
            name if text else name.replace(" ", "\n"),  # headings of numbers on two lines
            justify="left" if text else "right", overflow="fold", no_wrap=not text,
            min_width=_NARROWEST if text else None, vertical="bottom" if text else "top",
        )  # fmt: skip
    for row in table.cells:
        drawn.add_row(*(Text(shown(cell)) for cell in row))
    Console(file=getattr(out, "behind", out), width=width, highlight=False).print(drawn)


def _plain(table: Table, out: TextIO) -> None:
    cells = [list(table.columns), *table.cells] if any(table.columns) else table.cells
    cells = [[_shortened(cell) for cell in row] for row in cells]
    widths = [max(len(row[column]) for row in cells) for column in range(len(table.columns))]
    out.write(f"{table.title}\n")
    for row in cells:
        placed = [
            cell.ljust(width) if digits is None else cell.rjust(width)
            for cell, width, digits in zip(row, widths, table.digits, strict=True)
        ]
        out.write("  " + "  ".join(placed).rstrip() + "\n")
    out.write("\n")


def _shortened(cell: str) -> str:
    return cell if len(cell) <= _LONGEST else f"…{cell[1 - _LONGEST :]}"
