"""``nobgd report``: throughput at a glance, from the JSON log alone."""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nobgd.cli import common, screen

_DAYS = {"today": "today..now", "yesterday": "yesterday..today"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")

if TYPE_CHECKING:
    from nobgd.report.parsing import Wanted
    from nobgd.report.summary import Summary


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "report",
        short="throughput from the JSON log: how fast, getting slower, what failed",
        says="Read logs and say how many photos were cut out, how long a megapixel takes by "
        "resolution, stage, inbox and model, what failed, which photos took longest, and whether "
        "work is getting slower. A LOG is a file (also rotated, .gz or .zst), a folder of them, "
        "or - for standard input; without one, log.file of the configuration. Lines that are torn "
        "or not nobgd's are counted and skipped. Moments are ISO 8601 dates or times, `7 days "
        "ago`, `yesterday`, `today` or a time of today.",
        examples=[
            ("nobgd report", "the log that the configuration names"),
            ("nobgd report --journal --since '7 days ago'", "the last week, from the journal"),
            ("nobgd report /var/log/nobgd --html report.html", "a page to send to somebody"),
            ("nobgd report --compare before.log after.log", "two logs side by side"),
            ("nobgd report --compare yesterday today", "two days of the log"),
            ("nobgd report LOG --compare 2026-10-01..2026-10-31 2026-11-01..2026-11-30",
             "two periods of one log"),
            ("nobgd report --format csv LOG > report.csv", "the tables for a spreadsheet"),
        ],
        exits="0  the report is written\n"
        "1  there are no records, or a file could not be read (the others were used)\n"
        "2  a moment or a choice is not understood",
    )  # fmt: skip
    common.add_config(parser)
    parser.add_argument("logs", nargs="*", metavar="LOG", help="a file, a folder, or -")
    parser.add_argument("--journal", action="store_true", help="read the journal of the service")
    parser.add_argument("--unit", default="nobgd", help="its name (default: nobgd)")
    parser.add_argument("--since", metavar="MOMENT", help="only records from then on")
    parser.add_argument("--until", metavar="MOMENT", help="only records before then")
    parser.add_argument("--inbox", metavar="PATH", help="only photos of this inbox")
    parser.add_argument("--model", metavar="NAME", help="only photos done by this model")
    parser.add_argument("--precision", choices=("fp32", "int8"), help="only of this precision")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a page into FILE")
    parser.add_argument(
        "--format", choices=("csv", "json", "markdown"), help="write the tables like this"
    )
    parser.add_argument(
        "--compare", nargs=2, metavar=("A", "B"),
        help="two logs, or two periods of LOG: FROM..TO, yesterday, today",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    try:
        wanted = _wanted(args)
        if args.compare:
            return _compare(args, wanted)
        return _report(args, wanted)
    except common.Quit as end:
        return end.code


def _wanted(args: argparse.Namespace) -> Wanted:
    from nobgd.report.parsing import Wanted

    return Wanted(
        _moment(args.since), _moment(args.until), args.inbox, args.model, args.precision
    )  # fmt: skip


def _moment(text: str | None) -> float | None:
    from nobgd.report.parsing import moment

    if text is None:
        return None
    try:
        return moment(text)
    except ValueError:
        common.complain(
            f"{text!r} is no moment: write 2026-11-24, 2026-11-24T08:30, 08:30 or '7 days ago'"
        )
        raise common.Quit(common.USAGE) from None


def _summary(args: argparse.Namespace, logs: list[str], wanted: Wanted) -> Summary:
    from nobgd.report import build

    if args.journal:
        return build.from_journal(args.unit, wanted)
    if not logs:
        file = common.load(args).log.file
        if file is None:
            common.complain(
                "no LOG is given and log.file is not set in the configuration; name a log, or use"
                " --journal"
            )
            raise common.Quit(common.USAGE)
        logs = [str(file)]
    return build.from_files(map(Path, logs), wanted)


def _complaints(summary: Summary) -> int:
    """Say what could not be used; the exit code that follows."""
    for sentence in (*summary.unreadable, *summary.warnings):
        common.complain(sentence)
    return common.WORK_FAILED if summary.unreadable else common.GOOD


def _report(args: argparse.Namespace, wanted: Wanted) -> int:
    from nobgd.report import formats, tables, terminal

    summary = _summary(args, args.logs, wanted)
    code = _complaints(summary)
    if not _has_records(summary):
        common.complain(_nothing(summary, args))
        return common.WORK_FAILED
    if args.html is not None:
        return max(code, _page(args.html, summary))
    if args.format:
        screen.data(formats.FORMATS[args.format](tables.every(summary)))
    else:
        terminal.show(summary, sys.stdout)
    return code


def _nothing(summary: Summary, args: argparse.Namespace) -> str:
    """Why there is nothing to report, as far as it can be known, and what to do."""
    where = ", ".join(summary.sources) or "what could be read"
    ours = summary.lines - summary.foreign
    if not summary.lines:
        if args.journal and os.geteuid() != 0:
            return f"{where} is empty for you; ask with sudo, or as a member of systemd-journal"
        return f"{where}: there is no line in it; has nobgd run yet, and is log.file this one?"
    if not ours:
        return f"{where}: none of its {summary.lines:,} lines is nobgd's; is it the right log?"
    options = ("since", "until", "inbox", "model", "precision")
    asked = [f"--{name} {getattr(args, name)}" for name in options if getattr(args, name)]
    if asked:
        return f"{where}: {ours:,} records, and none of a photo fits {' '.join(asked)}"
    return f"{where}: {ours:,} records, and none of a photo; nothing has been done yet"


def _page(path: Path, summary: Summary) -> int:
    from nobgd.report import page

    try:
        path.write_text(page.render(summary), encoding="utf-8")
    except OSError as error:
        common.complain(f"{path}: cannot be written: {error.strerror}")
        return common.WORK_FAILED
    print(f"{path} is written: open it in a browser")
    return common.GOOD


def _has_records(summary: Summary) -> bool:
    return bool(
        summary.photos
        or summary.rendered
        or summary.copied
        or summary.found
        or summary.skipped
        or summary.failures
    )


def _compare(args: argparse.Namespace, wanted: Wanted) -> int:
    from nobgd.report import compare, formats, terminal

    names: tuple[str, str] = tuple(args.compare)
    periods = [_DAYS.get(name, name) for name in names]
    if all(".." in each for each in periods) and not any(Path(name).exists() for name in names):
        limits = [
            replace(wanted, since=_moment(since), until=_end(until))
            for since, until in (each.split("..", 1) for each in periods)
        ]
        found = [_summary(args, args.logs, each) for each in limits]
    else:
        found = [_summary(args, [name], wanted) for name in names]
        names = _short(names)
    code = max(map(_complaints, found))
    for name, summary in zip(names, found, strict=True):
        if not _has_records(summary):
            common.complain(f"no records in {name}; there is nothing to compare")
            return common.WORK_FAILED
    tables = compare.compare(found[0], found[1], names)
    if args.format:
        screen.data(formats.FORMATS[args.format](tables))
    else:
        for table in tables:
            terminal.show_table(table, sys.stdout)
    return code


def _end(text: str) -> float | None:
    """The end of a period; a day without a time is meant as a whole."""
    from nobgd.report.parsing import day_after

    moment = _moment(text)
    if moment is None or not _DAY.fullmatch(text.strip()):
        return moment
    try:
        return day_after(text)
    except (OverflowError, ValueError):  # the last day that there is
        return None


def _short(names: tuple[str, str]) -> tuple[str, str]:
    first, second = (Path(name).name or name for name in names)
    return names if first == second else (first, second)
