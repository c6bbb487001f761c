"""The HTML page: self-contained, safe, small, and its figures are the terminal's."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from benchmarks import sample

from nobgd.report import build, page, parsing, tables

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


def rendered(path: Path) -> str:
    return page.render(build.from_files([path], parsing.Wanted()))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "nobgd.record.log"
    path.write_text("".join(sample.lines(20_000)))
    return path


def test_its_size_does_not_follow_the_log(log: Path, tmp_path: Path) -> None:
    """Ten times the records, less than twice the page; far below 3 MB."""
    short = tmp_path / "short.log"
    short.write_text("".join(sample.lines(2000)))
    assert len(rendered(log)) < 2 * len(rendered(short)) < 1_000_000


def test_nothing_comes_from_elsewhere(log: Path) -> None:
    """No script, no link, no address: it opens from disk without a network."""
    text = rendered(log)
    assert not re.search(r"<script|<link (?!rel=.icon. href=.data:)|https?://|url\(|@import", text)


def test_its_figures_are_the_terminals(log: Path) -> None:
    """Every cell of every table stands on the page as the terminal shows it."""
    summary = build.from_files([log], parsing.Wanted())
    text = page.render(summary)
    for table in tables.every(summary):
        part = text.split(f'<section id="{table.key}">')[1].split("</section>")[0]
        part = part.replace("<wbr>", "")
        found = [unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", part)]
        assert found == [cell for row in table.cells for cell in row]


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """Mark-up and lone surrogates in names are shown, not obeyed."""
    event = next(e for e in sample.events(9) if e["event"] == "photo.done")
    failed = {
        **{k: event[k] for k in ("timestamp", "inbox")}, "event": "photo.quarantined",
        "code": "<b>", "reason": "</title><img src=x onerror=alert(1)>", "source": "a",
        "attempt": 1,
    }  # fmt: skip
    log = tmp_path / "h.log"
    names = ["</script><script>alert(1)</script>", "\udcff\"'>&lt;", "\u202egpj.exe"]
    found = [{**event, "source": name, "inbox": name} for name in names] + [failed]
    log.write_text("".join(json.dumps(each) + "\n" for each in found))
    text = rendered(log)
    text.encode("utf-8")
    assert "<script>" not in text
    assert "<img" not in text
    assert "\u202e" not in text


def test_an_empty_or_failing_log_still_makes_a_page(tmp_path: Path) -> None:
    """Only failures: no chart divides by nothing."""
    log = tmp_path / "f.log"
    failures = [e for e in sample.events(900) if e["event"].startswith("photo.quar")]
    log.write_text("".join(json.dumps(each) + "\n" for each in failures))
    assert "Failures" in rendered(log)
    one = next(e for e in sample.events(9) if e["event"] == "photo.done")
    log.write_text(json.dumps(one) + "\n")
    assert "1 photos" in rendered(log)


def test_doubtful_photos_and_unsure_ones_have_their_tiles(tmp_path: Path) -> None:
    """As the totals have them, page and program alike."""
    log = tmp_path / "d.log"
    done = [e for e in sample.events(90) if e["event"] == "photo.done"]
    for number, event in enumerate(done):
        event |= {"review": number < 7, "subject_confidence": 0.2 if number < 5 else 0.9}
        event["how"] = "computed"
    log.write_text("".join(json.dumps(each) + "\n" for each in done))
    text = rendered(log)
    tiles = dict(re.findall(r'<div class="card"><b>(.*?)</b><span>(.*?)</span>', text)[::-1])
    assert {tiles["7"], tiles["5"]} == {"doubtful", "low confidence"}
    assert len(re.findall('class="card"', text)) % 4 == 0  # no row is left half empty
    (totals,) = (t for t in tables.every(build.from_files([log], parsing.Wanted())) if t.values)
    assert totals.values is not None
    assert (totals.values["doubtful"], totals.values["low_confidence"]) == (7, 5)


def rules(text: str) -> dict[str, str]:
    """What the page's style says by selector, the last word of each."""
    style = re.sub(r"/\*.*?\*/", "", text.split("<style>")[1].split("</style>")[0])
    found: dict[str, str] = {}
    for names, said in re.findall(r"([^{}]+)\{([^{}]*)\}", style.partition("@media(max-width")[0]):
        for name in names.split(","):
            found[name.strip()] = found.get(name.strip(), "") + said
    return found


def test_words_are_not_broken_and_paths_are_where_they_may_be(tmp_path: Path) -> None:
    """A code is one word on any screen; a path is broken after a slash before elsewhere."""
    one = next(e for e in sample.events(9) if e["event"] == "photo.done")
    failed = {
        "event": "photo.quarantined", "timestamp": one["timestamp"], "inbox": "/srv/in",
        "code": "not_a_picture", "source": "/srv/in/sub/a.jpg", "attempt": 1,
        "reason": "sub/a.jpg: this is not a picture",
    }  # fmt: skip
    log = tmp_path / "w.log"
    log.write_text("".join(json.dumps(each) + "\n" for each in (one, failed)))
    text = rendered(log)
    assert "<td class=word>not_a_picture</td>" in text
    assert "<td class=path>/<wbr>srv/<wbr>in/<wbr>sub/<wbr>a.jpg</td>" in text
    assert "<td class=long>this is not a picture</td>" in text  # its name is beside it
    said = rules(text)
    assert "nowrap" in said[".word"]
    assert [name for name, each in said.items() if "anywhere" in each] == [".path", ".long", ".any"]


def test_a_table_that_is_wider_than_the_screen_shows_that_it_goes_on(log: Path) -> None:
    """Its edges are shaded, and what covers the shade moves with it; keys reach it, too."""
    text = rendered(log)
    assert "background-attachment:local,local,scroll,scroll" in rules(text)[".scroll"]
    assert text.count('class="scroll" role="region"') == text.count("<table>") > 5
    assert text.count('tabindex="0"') == text.count("<table>")


def test_each_class_that_is_drawn_has_its_colour(log: Path) -> None:
    """A bar without one is black."""
    text = rendered(log)
    drawn = set(re.findall(r'class="(s\d+)"', text))
    assert len(drawn) > 5
    assert {name for name in drawn if f".{name}" not in rules(text)} == set()


def test_failures_have_a_row_of_their_own(log: Path, tmp_path: Path) -> None:
    """Drawn for either width, of which one is shown; without them four charts are two rows."""
    text = rendered(log)
    grid = text.split('<div class="grid2">')[1].split('<section id="')[0]
    assert re.findall(r"<section([^>]*)>", grid) == ["", "", "", "", ' class="whole"']
    widths = re.findall(r'<div class="(\w+)"><svg viewBox="0 0 (\d+) ', grid)
    assert widths == [("narrow", "500"), ("wide", "1046")]
    good = tmp_path / "good.log"
    lines = [e for e in sample.events(300) if e["event"] == "photo.done"]
    good.write_text("".join(json.dumps(each) + "\n" for each in lines))
    assert 'class="whole"' not in rendered(good)


def test_times_are_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the clock differs by half an hour: bars begin at full hours of that clock."""
    log = tmp_path / "t.log"
    log.write_text("".join(sample.lines(9000)))  # from 08:00 UTC, two days
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        text = rendered(log)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert "<p>2026-03-01 13:30:00+0530 to " in text
    assert "each bar is 1 h" in text
    assert set(re.findall(r"<title>2026-\d\d-\d\d \d\d:(\d\d:\d\d):", text)) == {"00:00"}


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_it_loads_in_a_browser_without_errors_or_requests(log: Path, tmp_path: Path) -> None:
    """From disk: the console stays empty; from a server: the page is all that is asked for."""
    target = tmp_path / "report.html"
    done = subprocess.run(
        [sys.executable, "-m", "nobgd", "report", str(log), "--html", str(target)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert str(target) in done.stdout
    shown = chromium(target.as_uri(), tmp_path)
    assert "CONSOLE" not in shown.stderr
    assert "By resolution" in shown.stdout
    figure = re.search(r"<h1>([\d,]+) photos", shown.stdout)
    assert figure is not None
    plain = subprocess.run(
        [sys.executable, "-m", "nobgd", "report", str(log)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert re.search(rf"photos +{figure[1]}\n", plain)
    asked: list[str] = []

    class Server(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *words: Any) -> None:
            super().__init__(*words, directory=str(tmp_path))

        def log_message(self, _: str, *words: Any) -> None:
            asked.append(str(words[0]))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chromium(f"http://127.0.0.1:{server.server_port}/report.html", tmp_path)
        server.shutdown()
    assert asked == ["GET /report.html HTTP/1.1"]


def chromium(address: str, folder: Path) -> subprocess.CompletedProcess[str]:
    assert CHROMIUM is not None
    return subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            f"--user-data-dir={folder / 'profile'}", "--disable-background-networking",
            "--no-first-run", "--virtual-time-budget=2000", "--dump-dom", address,
        ],
        capture_output=True, text=True, check=True, timeout=100,
    )  # fmt: skip
