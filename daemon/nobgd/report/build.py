"""Logs to a summary: read, parsed, filtered, collected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from nobgd.report import reading
from nobgd.report.collect import Collector
from nobgd.report.parsing import Parser, Wanted
from nobgd.report.summary import Summary


def from_files(paths: Iterable[Path], wanted: Wanted) -> Summary:
    """The summary of all these files and folders; what cannot be read is in ``unreadable``."""
    unreadable: list[str] = []
    names: list[str] = []

    def lines() -> Iterator[bytes]:
        for path in paths:
            try:
                found = reading.files(path)
            except OSError as error:
                unreadable.append(f"{path}: {error.strerror}")
                continue
            if not found:
                unreadable.append(f"{path}: a folder without log files (*.log, *.json, *.jsonl)")
            for file in found:
                names.append(str(file))
                yield from reading.lines(file, unreadable.append)

    return _collect(lines(), wanted, unreadable, names)


def from_journal(unit: str, wanted: Wanted) -> Summary:
    """The summary of what a unit has said to the journal."""
    unreadable: list[str] = []
    lines = reading.journal(unit, unreadable.append)
    return _collect(lines, wanted, unreadable, [f"{unit}'s journal"])


def _collect(
    lines: Iterator[bytes], wanted: Wanted, unreadable: list[str], names: list[str]
) -> Summary:
    parser, collector = Parser(), Collector()
    for event, moment in parser.events(lines):
        if wanted.takes(event, moment):
            collector.add(event, moment)
    return collector.summary(
        lines=parser.lines, foreign=parser.foreign, unreadable=tuple(unreadable),
        sources=tuple(names),
    )  # fmt: skip
