"""nobgd report, by its command line, against an independent computation."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import statistics
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from benchmarks import sample

from nobgd.report import build, formats, page, parsing, terminal
from nobgd.report import tables as tables_of
from nobgd.report.summary import BUCKETS, Summary

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COUNT = 20_000


def report(*words: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "nobgd", "report", *map(str, words)],
        input=stdin, capture_output=True, check=False, timeout=100,
    )  # fmt: skip
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def tables(*words: str | Path, stdin: bytes = b"") -> dict[str, Any]:
    done = report(*words, "--format", "json", stdin=stdin)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return list(sample.events(COUNT))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, events: list[dict[str, Any]]) -> Path:
    path = tmp_path_factory.mktemp("log") / "nobgd.record.log"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "nobgd.record.log"
    path.write_text("".join(sample.lines(2000)))
    return path


@pytest.fixture(scope="module")
def summary(log: Path) -> Summary:
    return build.from_files([log], parsing.Wanted())


def computed(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [e for e in events if e["event"] == "photo.done" and e["how"] == "computed"]


def test_totals_are_exact(summary: Summary, events: list[dict[str, Any]]) -> None:
    """Counts, megapixels and copies, by plain sums."""
    photos = computed(events)
    assert summary.photos == len(photos)
    assert summary.megapixels == pytest.approx(sum(e["megapixels"] for e in photos))
    assert summary.copied == sum(e.get("how") == "copied" for e in events)
    assert summary.quarantined == sum(e["event"] == "photo.quarantined" for e in events)
    assert summary.skipped == sum(e["event"] == "photo.skipped" for e in events)
    assert summary.unsure_count == sum(e["subject_confidence"] < 0.5 for e in photos)
    assert summary.lines == COUNT
    assert summary.foreign == 0


def test_quantiles_are_within_a_percent(summary: Summary, events: list[dict[str, Any]]) -> None:
    """Of every bucket: mean exactly, median and 95th percentile within 1 %."""
    edges = [0.0, *BUCKETS, 1e9]
    photos = computed(events)
    for row, low, high in zip(summary.buckets, edges, edges[1:], strict=False):
        mine = [e for e in photos if low < round(e["megapixels"], 2) <= high]
        times = sorted(e["total_ms"] for e in mine)
        costs = sorted(e["total_ms"] / e["megapixels"] for e in mine)
        assert row.photos == len(mine)
        assert row.mean_ms == pytest.approx(statistics.mean(times))
        assert row.mean_ms_per_mp == pytest.approx(statistics.mean(costs))
        for found, values, share in (
            (row.p50_ms, times, 0.5), (row.p95_ms, times, 0.95),
            (row.p50_ms_per_mp, costs, 0.5), (row.p95_ms_per_mp, costs, 0.95),
        ):  # fmt: skip
            exact = values[int(np.ceil(share * len(values))) - 1]
            assert found == pytest.approx(exact, rel=0.0101)
        assert row.peak_rss_mb == max(e["peak_rss_mb"] for e in mine)


def test_the_line_is_numpys(summary: Summary, events: list[dict[str, Any]]) -> None:
    """Fixed cost and cost per megapixel by least squares."""
    photos = computed(events)
    slope, fixed = np.polyfit(
        [e["megapixels"] for e in photos], [e["total_ms"] for e in photos], 1
    )  # fmt: skip
    assert (summary.ms_per_mp, summary.fixed_ms) == pytest.approx((slope, fixed), rel=1e-6)


def test_time_at_work_is_the_union_of_the_jobs(
    summary: Summary, events: list[dict[str, Any]]
) -> None:
    """At least one lane was at work, by merging sorted intervals."""
    ends = [(datetime.fromisoformat(e["timestamp"]).timestamp(), e) for e in computed(events)]
    union, reach = 0.0, 0.0
    for start, end in sorted((end - e["total_ms"] / 1000, end) for end, e in ends):
        union += max(0.0, end - max(start, reach))
        reach = max(reach, end)
    assert summary.busy_s == pytest.approx(union, rel=1e-6)


def test_what_a_log_holds_is_told_in_every_format(small: Path) -> None:
    """Terminal, CSV, JSON and Markdown have the same count of the same bucket."""
    row = next(r for r in tables(small)["resolutions"] if r["size"] == "≤ 8.29 MP")
    rows = list(csv.reader(io.StringIO(report(small, "--format", "csv").stdout)))
    assert rows[0] == ["table", "row", "column", "value"]
    assert {len(each) for each in rows} == {4}
    assert ["resolutions", "≤ 8.29 MP", "photos", str(row["photos"])] in rows
    totals = tables(small)["totals"]
    assert ["totals", "", "photos", str(totals["photos"])] in rows
    assert all(isinstance(totals[key], int | float) for key in totals if key not in ("from", "to"))
    assert {"photos", "megapixels_per_minute", "busy_s", "ms_per_megapixel"} <= set(totals)
    assert row["ms_per_megapixel_p50"] > 0
    assert f"| ≤ 8.29 MP | {row['photos']} |" in report(small, "--format", "markdown").stdout
    plain = report(small).stdout
    assert re.search(rf"≤ 8.29 MP +{row['photos']} ", plain)
    assert "\x1b" not in plain


def test_rotated_and_packed_logs_are_one(tmp_path: Path) -> None:
    """A folder with log, log.1.gz and log.2.zst gives what the whole gives; so does stdin."""
    lines = list(sample.lines(3000))
    whole = tmp_path / "whole.log"
    whole.write_text("".join(lines))
    folder = tmp_path / "logs"
    folder.mkdir()
    parts = ["".join(part).encode() for part in (lines[:1000], lines[1000:2000], lines[2000:])]
    (folder / "nobgd.record.log.2.zst").write_bytes(zstd.compress(parts[0]))
    (folder / "nobgd.record.log.1.gz").write_bytes(gzip.compress(parts[1]))
    (folder / "nobgd.record.log").write_bytes(parts[2])
    expected = tables(whole)
    assert tables(folder) == expected
    assert tables("-", stdin=b"".join(parts)) == expected


def test_torn_and_foreign_lines_are_counted_and_skipped(tmp_path: Path, small: Path) -> None:
    """Nothing in a log ends a report."""
    lines = small.read_bytes().splitlines(keepends=True)
    bad = [b'{"event": "photo.done", "timest\n', b"Started nobgd.\n", b"[1]\n", b"\xff\xfe\x00\n",
           b'{"event": "photo.done", "timestamp": "never"}\n', b"null\n"]  # fmt: skip
    log = tmp_path / "bad.log"
    log.write_bytes(b"".join([*lines[:50], *bad, *lines[50:], lines[60][:80]]))
    done = report(log)
    assert done.returncode == 0
    assert f"{len(bad) + 1} of {len(lines) + len(bad) + 1:,} lines were torn" in done.stdout
    assert tables(log)["resolutions"] == tables(small)["resolutions"]


def test_names_of_any_bytes_move_no_cursor(tmp_path: Path) -> None:
    """Not UTF-8, escape sequences, formulas: shown escaped, never raised."""
    event = next(e for e in sample.events(9) if e["event"] == "photo.done")
    names = ["/in/\udcff\udcfe.jpg", "/in/\x1b[2J\r\n.jpg", "=HYPERLINK(1)", "/in/<script>.jpg"]
    log = tmp_path / "n.log"
    log.write_text("".join(json.dumps({**event, "source": name}) + "\n" for name in names))
    for words in ((), ("--format", "csv"), ("--format", "json"), ("--format", "markdown")):
        done = report(log, *words)
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout
        assert "slowest" in done.stdout.lower()
    assert ",'=HYPERLINK" in report(log, "--format", "csv").stdout


def test_machines_are_told_apart_where_there_are_several(tmp_path: Path, small: Path) -> None:
    """By the one that made the mask; a log of one machine has no such table."""
    assert "machines" not in tables(small)
    log = tmp_path / "several.log"
    with log.open("w") as stream:
        for number, line in enumerate(small.read_text().splitlines()):
            event = json.loads(line)
            host = "gpu-1" if number % 3 else "nas"
            stream.write(json.dumps({**event, "host": host}) + "\n")
    rows = tables(log)["machines"]
    assert {row["machine"] for row in rows} == {"gpu-1", "nas"}


def test_a_journal_is_read(tmp_path: Path, small: Path) -> None:
    """Lines of `journalctl -o json` carry ours in MESSAGE, as text or as bytes."""
    log = tmp_path / "journal.json"
    with log.open("w") as stream:
        for number, line in enumerate(small.read_text().splitlines()):
            message: Any = list(line.encode()) if number % 7 == 0 else line
            stream.write(json.dumps({"_PID": "1", "MESSAGE": message}) + "\n")
        stream.write(json.dumps({"_PID": "1", "MESSAGE": "Started nobgd."}) + "\n")
    assert tables(log)["resolutions"] == tables(small)["resolutions"]


def test_filters(small: Path) -> None:
    """Inbox, precision and time take away what is not asked for."""
    photos = computed([json.loads(line) for line in small.read_text().splitlines()])
    middle = photos[len(photos) // 2]["timestamp"]
    for words, wanted in (
        (("--inbox", sample.INBOXES[0]), lambda e: e["inbox"] == sample.INBOXES[0]),
        (("--precision", "int8"), lambda e: e["precision"] == "int8"),
        (("--since", middle), lambda e: e["timestamp"] >= middle),
        (("--until", middle), lambda e: e["timestamp"] < middle),
    ):
        rows = tables(small, *words)["resolutions"]
        assert rows[-1]["photos"] == sum(map(wanted, photos))


def test_compare_gives_ratios(tmp_path: Path, small: Path) -> None:
    """Two logs, and two periods of one; the slower one has the larger ratio."""
    slow = tmp_path / "slow.log"
    slow.write_text("".join(sample.lines(2000, slower_from=0.0)))
    done = report("--compare", small, slow, "--format", "json")
    assert done.returncode == 0, done.stderr
    (infer,) = (r for r in json.loads(done.stdout)["compare_stages"] if r["stage"] == "infer")
    assert infer["ratio"] == pytest.approx(1.5, rel=0.05)
    periods = ("2026-03-01..2026-03-01T12:00:00+00:00", "2026-03-01T12:00:00+00:00..2026-03-05")
    done = report(small, "--compare", *periods)
    assert done.returncode == 0, done.stderr
    assert "ratio" in done.stdout
    assert report("--compare", small, tmp_path / "none.log").returncode == 1


def test_days_are_compared_by_their_names(tmp_path: Path) -> None:
    """A file of that name would be meant instead."""
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    log = tmp_path / "log"
    with log.open("w") as file:
        for event in sample.events(400):
            number = int(event.get("megapixels", 0) * 1000) % 2
            moment = midnight + timedelta(seconds=1 if number else -3600)
            file.write(json.dumps({**event, "timestamp": moment.isoformat()}) + "\n")
    done = report(log, "--compare", "yesterday", "today")
    assert done.returncode == 0, done.stderr
    assert "yesterday" in done.stdout
    assert tables(log, "--since", "00:00")["totals"]["photos"] < tables(log)["totals"]["photos"]


def test_photos_of_one_size_tell_no_fixed_part(tmp_path: Path) -> None:
    """The figure a megapixel is all there is to say."""
    log = tmp_path / "log"
    with log.open("w") as file:
        for event in sample.events(300):
            if event["event"] == "photo.done":
                file.write(json.dumps({**event, "megapixels": 12.0}) + "\n")
    assert "too alike" in report(log).stdout
    log.write_text("".join(sample.lines(300)))
    assert "too alike" not in report(log).stdout


def test_drift_is_said_with_its_stage(tmp_path: Path, small: Path) -> None:
    """The last third took half as long again in inference; a steady log is not accused."""
    slow = tmp_path / "slow.log"
    slow.write_text("".join(sample.lines(3000, slower_from=0.7)))
    said = report(slow).stdout
    assert re.search(r"Drift: since .* (3|4)\d % more .* in infer\.", said)
    assert "Drift: none" in report(small).stdout


def test_bad_input(tmp_path: Path, small: Path) -> None:
    """No records, no file, a broken archive, a wrong moment: a sentence and an exit code."""
    empty = tmp_path / "empty.log"
    empty.write_text("")
    done = report(empty)
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no line in it" in done.stderr
    done = report(tmp_path / "none.log", small)
    assert done.returncode == 1
    assert "there is no such file" in done.stderr
    assert "By resolution" in done.stdout  # the other one is used
    cut = tmp_path / "cut.log.gz"
    cut.write_bytes(gzip.compress(small.read_bytes())[:-2000])
    done = report(cut)
    assert done.returncode == 1
    assert "records before were used" in done.stderr
    assert "By resolution" in done.stdout
    packed = zstd.compress(small.read_bytes())
    cut.write_bytes(packed[:-2000])
    done = report(cut)
    assert done.returncode == 1
    assert "records before were used" in done.stderr
    cut.write_bytes(packed[:2000] + bytes(2000) + packed[4000:])
    assert "reading stopped" in report(cut).stderr
    done = report(small, "--since", "the day of the dog")
    assert done.returncode == 2
    assert "no moment" in done.stderr


ODD = [
    "much", "1e3", [1], {"a": 1}, True, float("nan"), float("inf"), -1, 10**400, 1e300, None,
]  # fmt: skip


@pytest.mark.parametrize("field", [
    "megapixels", "total_ms", "queued_ms", "peak_rss_mb", "infer_ms", "subject_confidence",
    "inbox", "model", "precision", "source", "how", "width", "event", "timestamp", "attempt",
])  # fmt: skip
def test_a_field_of_the_wrong_type_costs_at_most_its_record(field: str, tmp_path: Path) -> None:
    """Whatever stands where a number or a text is wanted, the rest is used, in every format."""
    good = [json.dumps(event) for event in sample.events(60)]
    event = next(e for e in sample.events(60) if e["event"] == "photo.done")
    bad = [json.dumps({**event, field: odd}) for odd in ODD]
    failed = {"event": "photo.failed", "timestamp": event["timestamp"], "source": "a", "code": "x"}
    bad += [json.dumps({**failed, name: odd}) for odd in ODD for name in failed]
    log = tmp_path / "odd.log"
    log.write_text("\n".join([*bad, *good, *bad]))
    found = build.from_files([log], parsing.Wanted())
    for write in formats.FORMATS.values():
        assert write(tables_of.every(found))
    assert "</html>" in page.render(found)
    terminal.show(found, io.StringIO())
    log.write_text("\n".join(good))
    assert found.photos >= build.from_files([log], parsing.Wanted()).photos > 0


@pytest.mark.parametrize("line", [
    b"[" * 200_000, b'{"a":' * 200_000,
    b'{"event": "x", "timestamp": "2026-01-01", "a": ' + b"[" * 9000,
    b'{"MESSAGE": 7}', b'{"MESSAGE": {"event": "x"}}', b'{"MESSAGE": [300, "a", [1]]}',
    b'{"MESSAGE": null}', b'{"event": [], "timestamp": 3}', b"9" * 5000, b"\xff\xfe\x00",
    b'{"event": "photo.done", "timestamp": "0001-01-01T00:00:00"}',
])  # fmt: skip
def test_a_line_that_is_none_of_ours_ends_nothing(line: bytes, small: Path, tmp_path: Path) -> None:
    """Nested too deeply, a journal's entry that is no text, digits without end: passed over."""
    alone = build.from_files([small], parsing.Wanted())
    log = tmp_path / "odd.log"
    log.write_bytes(line + b"\n" + small.read_bytes())
    found = build.from_files([log], parsing.Wanted())
    assert (found.photos, found.lines) == (alone.photos, alone.lines + 1)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_a_date_means_that_days_midnight_in_either_half_of_the_year(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked in winter for a day in summer and the other way round; a day may have 23 hours."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for day in ("2026-01-15", "2026-07-01", "2026-03-29", "2026-10-25"):
            wanted = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
            for now in (datetime(2026, 1, 2, 12), datetime(2026, 7, 2, 12), None):
                assert parsing.moment(day, now) == wanted.timestamp()
            assert parsing.day_after(day) == (wanted + timedelta(days=1)).timestamp()
        noon = datetime(2026, 3, 29, 12)
        midnight = datetime(2026, 3, 29, tzinfo=ZoneInfo(zone))
        assert parsing.moment("today", noon) == midnight.timestamp()
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_newer_schema_is_used_with_one_warning(tmp_path: Path) -> None:
    """New fields and a higher version: the known part counts, and it is said once."""
    log = tmp_path / "new.log"
    with log.open("w") as stream:
        for event in sample.events(300):
            event = {**event, "aura": "blue"}
            stream.write(json.dumps(event | ({"schema": 9} if "schema" in event else {})) + "\n")
    done = report(log)
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1
    assert "schema 9" in done.stderr
    plain = tmp_path / "plain.log"
    plain.write_text("".join(json.dumps({**e, "aura": 1}) + "\n" for e in sample.events(300)))
    assert "unknown to this nobgd" in report(plain).stderr


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_of_usual_width_shows_every_figure(small: Path, width: int) -> None:
    """Drawn by rich, no cell is cut and no line is longer than the terminal."""
    summary = build.from_files([small], parsing.Wanted())
    stream = io.StringIO()
    terminal.show(summary, stream, width=width)
    text = stream.getvalue()
    assert "…" not in text
    assert max(len(line) for line in text.splitlines() if "Drift" not in line) <= width
    for row in summary.buckets:
        line = next(line for line in text.splitlines() if row.name in line)
        assert f" {row.photos:,} " in line
        assert f"{row.p95_ms_per_mp:,.1f}" in line


@pytest.mark.parametrize(
    ("text", "words", "says"),
    [
        ("", (), "there is no line in it"),
        ("Started nobgd.\n", (), "none of its 1 lines is nobgd's"),
        (None, ("--since", "2099-01-01"), "records, and none of a photo fits --since 2099-01-01"),
        (None, ("--inbox", "/none"), "records, and none of a photo fits --inbox /none"),
    ],
)  # fmt: skip
def test_why_there_is_nothing_to_report(
    small: Path, tmp_path: Path, text: str | None, words: tuple[str, ...], says: str
) -> None:
    """The cause, as far as it can be known."""
    log = small
    if text is not None:
        log = tmp_path / "other.log"
        log.write_text(text)
    done = report(log, *words)
    assert done.returncode == 1
    assert says in done.stderr
