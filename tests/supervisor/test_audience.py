"""Who hears what was said in the log."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nobgd import config
from nobgd.jobs.effects import Say
from nobgd.jobs.ledger import Ledger
from nobgd.record.log import Log
from nobgd.supervisor.service import Service


@pytest.fixture
def shown() -> list[dict[str, Any]]:
    """What the screen was shown."""
    return []


@pytest.fixture
def service(tmp_path: Path, shown: list[dict[str, Any]]) -> Iterator[Service]:
    text = "{state_dir: s, cache_dir: c, drift_percent: 40, inboxes: [{path: in, outbox: out}]}"
    log = Log("info", str(tmp_path / "log"), stdout=io.StringIO())
    settings = config.parse(text, "f.yaml", tmp_path)
    made = Service(settings, Ledger(str(tmp_path / "ledger"), time.time), log, observe=shown.append)
    yield made
    made.end()
    log.close()


def done(milliseconds: float) -> dict[str, Any]:
    names = ("read_ms", "decode_ms", "compose_ms", "encode_ms", "publish_ms")
    return {"event": "photo.done", "how": "computed", "megapixels": 2.0,
            **dict.fromkeys(names, 1.0),
            "infer_ms": milliseconds, "total_ms": milliseconds + 5}  # fmt: skip


@pytest.mark.parametrize(("slower", "count"), [(600.0, 0), (900.0, 1)])
def test_a_drift_is_logged_once(
    service: Service, tmp_path: Path, slower: float, count: int
) -> None:
    """When a megapixel costs `drift_percent` more than before, and not before that."""
    for _ in range(300):
        service.audience.hear(done(500.0))
    for _ in range(200):
        service.audience.hear(done(slower))
    log = tmp_path / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    events = [event for line in lines if (event := json.loads(line))["event"] == "service.drift"]
    assert len(events) == count
    assert all(event["level"] == "warning" and event["percent"] > 40 for event in events)


def test_who_fails_at_an_event_keeps_it_from_nobody(
    service: Service, shown: list[dict[str, Any]]
) -> None:
    """The others hear it, and the failure is said after the next commit."""
    service.audience.hear({"event": "photo.done"})  # rates miss its megapixels
    assert shown == [{"event": "photo.done"}]
    (said,) = service.decisions.hand_over()
    assert isinstance(said, Say)
    assert said.event["event"] == "service.stumbled"
