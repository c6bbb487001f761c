"""Metrics of a real daemon: the file, the port, the dashboard and the documentation agree."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import ports

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "docs/grafana-dashboard.json"
_NAME = re.compile(r"\bnobgd_[a-z_]+\b")


def samples(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Name → values of labels → value; fails on what is no Prometheus text."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type != "unknown"
        for sample in family.samples:
            found.setdefault(sample.name, {})[by_name(sample.labels)] = sample.value
    return found


def by_name(labels: dict[str, str]) -> tuple[str, ...]:
    return tuple(value for _, value in sorted(labels.items()))


@pytest.fixture(scope="module")
def exposition() -> dict[str, str]:
    """Filled by the first test of this module: one run of the daemon is enough."""
    return {}


def test_file_and_port_count_what_the_log_says(
    daemon: Callable[..., Any], photo: Path, tmp_path: Path, exposition: dict[str, str]
) -> None:
    """One photo computed, one copied, one quarantined; the port answers before the stop."""
    port = ports.free()
    d = daemon(metrics={"textfile": "prom/nobgd.prom", "port": port})
    (tmp_path / "prom").mkdir()
    d.start()
    shutil.copy(photo, d.inbox / "a.jpg")
    d.await_done(1)
    shutil.copy(photo, d.inbox / "b.jpg")
    (d.inbox / "bad.jpg").write_text("no picture at all")
    d.await_done(2)
    d.until(lambda: d.events("photo.quarantined"))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        asked = answer.read().decode()
    file = tmp_path / "prom/nobgd.prom"
    d.until(lambda: 'outcome="quarantined"} 1.0' in file.read_text())
    assert d.stop() == 0
    text = exposition["text"] = file.read_text()
    inbox = str(d.inbox)
    for seen in (samples(asked), samples(text)):
        assert seen["nobgd_photos_total"][inbox, "computed"] == 1
        assert seen["nobgd_photos_total"][inbox, "copied"] == 1
        assert seen["nobgd_photos_total"][inbox, "quarantined"] == 1
        assert seen["nobgd_attempts_total"][(inbox,)] == 3
        assert seen["nobgd_failures_total"]["not_a_picture", inbox] == 1
        assert seen["nobgd_photos_quarantined"][(inbox,)] == 1
        assert seen["nobgd_stage_seconds_count"][("infer",)] == 1
        assert seen["nobgd_outbox_up"][(str(d.outbox),)] == 1
        assert seen["nobgd_inbox_watch_info"][inbox, "watching", "inotify"] == 1
        megapixels = sum(e["megapixels"] for e in d.events("photo.done"))
        assert seen["nobgd_megapixels_total"][(inbox,)] == pytest.approx(megapixels)
    assert [each.name for each in file.parent.iterdir()] == ["nobgd.prom"]


def test_the_dashboard_asks_only_for_what_there_is(exposition: dict[str, str]) -> None:
    """Every metric in it is in a real exposition, and every panel shows one."""
    names = set(samples(exposition["text"]))
    board = json.loads(DASHBOARD.read_text())
    for panel in board["panels"]:
        asked = {n for target in panel["targets"] for n in _NAME.findall(target["expr"])}
        assert asked, panel["title"]
        assert asked <= names, panel["title"]
    assert set(_NAME.findall(json.dumps(board["templating"]))) <= names


def test_the_documentation_lists_exactly_what_there_is(exposition: dict[str, str]) -> None:
    """No metric is missing from docs/metrics.md, and none is in it that is not there."""
    here = "\n".join(line for line in docs().splitlines() if "with `cluster:`" not in line)
    rows = re.findall(r"^\| `(nobgd_\w+)` \| (\w+) \| ([\w, ]*) \|", here, re.MULTILINE)
    families = list(text_string_to_metric_families(exposition["text"]))
    told = {name: ordered(labels) for name, _, labels in rows}
    there = set()
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        # what is of other machines has no line where there are none
        labels = label_names(family) if family.samples else told.get(name, "")
        there.add((name, family.type, labels))
    assert {(name, kind, ordered(labels)) for name, kind, labels in rows} == there


def docs() -> str:
    return (ROOT / "docs/metrics.md").read_text()


def label_names(family: Any) -> str:
    return ordered(", ".join(name for name in family.samples[0].labels if name != "le"))


def ordered(labels: str) -> str:
    return ", ".join(sorted(labels.strip().split(", ")))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_has_nothing_to_say(exposition: dict[str, str]) -> None:
    """Names, types and help follow Prometheus' conventions."""
    promtool = ["promtool", "check", "metrics"]
    result = subprocess.run(
        promtool, input=exposition["text"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_a_port_that_is_taken_stops_nobody(daemon: Callable[..., Any], photo: Path) -> None:
    """The log says so in a sentence, and photos are done."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        d = daemon(metrics={"port": taken.getsockname()[1]}).start()
        d.until(lambda: d.events("metrics.closed"))
        assert "choose another port" in d.events("metrics.closed")[0]["why"]
        shutil.copy(photo, d.inbox / "a.jpg")
        d.await_done(1)


def test_the_default_file_is_left_alone_while_nothing_happens(
    daemon: Callable[..., Any], photo: Path, tmp_path: Path
) -> None:
    """In the state folder it is written after a photo and not again: no disk is kept awake."""
    d = daemon()
    d.start()
    shutil.copy(photo, d.inbox / "a.jpg")
    d.await_done(1)
    file = tmp_path / "state/nobgd.prom"
    d.until(lambda: file.exists() and 'outcome="computed"} 1.0' in file.read_text())
    written = file.stat().st_mtime_ns
    with pytest.raises(pytest.fail.Exception):
        d.until(lambda: file.stat().st_mtime_ns != written, 4)
    assert d.stop() == 0
