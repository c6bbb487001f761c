"""The HTML page: self-contained, safe, small, and its figures are the terminal's."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
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
