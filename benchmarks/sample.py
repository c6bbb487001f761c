"""A log of realistic size and content, the same for the same seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

SIZES = [
    (640, 480), (960, 720), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160), (5120, 2880),
    (6000, 4000),
]  # fmt: skip
INBOXES = ("/srv/photos/in", "/srv/studio/in", "/srv/phone/in")
START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def events(count: int, seed: int = 1, *, slower_from: float = 2.0) -> Iterator[dict[str, Any]]:
    """``count`` events; from the share ``slower_from`` on inference takes 1.5 times as long."""
    chance = random.Random(seed)
    now = START
    yield {
        "event": "service.ready", "timestamp": stamp(now), "level": "info", "schema": 1,
        "version": "1.0", "pid": 1, "lanes": 2, "threads": 1, "in_flight_megapixels": 100,
        "model": "u2net", "precision": "fp32", "inboxes": list(INBOXES), "start_ms": 400,
    }  # fmt: skip
    for number in range(count - 1):
        now += timedelta(seconds=chance.expovariate(1 / 20))
        kind = chance.random()
        inbox = chance.choice(INBOXES)
        source = f"{inbox}/2026/IMG_{number:06}.jpg"
        said = {"timestamp": stamp(now), "inbox": inbox, "source": source}
        if kind < 0.01:
            code = chance.choice(["broken", "truncated", "deadline"])
            event = {
                "event": chance.choice(["photo.failed", "photo.quarantined"]), "level": "warning",
                "code": code, "reason": f"{source}: {code}; copy it again", "attempt": 1, **said,
            }  # fmt: skip
            failed = event["event"] == "photo.failed"
            event |= {"retry_in_s": 30.0} if failed else {"quarantine": "/var/lib/nobgd/q"}
        elif kind < 0.02:
            event = {"event": "photo.skipped", "level": "info", "reason": "not a photo", **said}
        else:
            slow = 1.5 if number >= slower_from * count else 1.0
            event = _done(chance, said, slow)
        yield event


def _done(chance: random.Random, said: dict[str, str], slow: float) -> dict[str, Any]:
    width, height = chance.choice(SIZES)
    megapixels = width * height / 1e6
    noise = chance.lognormvariate(0, 0.08)
    times = {
        "read_ms": 0.4 * megapixels, "decode_ms": 6 * megapixels, "infer_ms": 620 * slow,
        "compose_ms": 1.5 * megapixels, "encode_ms": 6 * megapixels, "publish_ms": 4.0,
    }  # fmt: skip
    times = {name: round(value * noise, 1) for name, value in times.items()}
    total = round(sum(times.values()) + 1.0, 1)
    return {
        **said, "event": "photo.done", "level": "info", "output": said["source"] + "_nobg.png",
        "width": width, "height": height, "megapixels": round(megapixels, 4),
        "bytes_in": int(megapixels * 4e5), "bytes_out": int(megapixels * 9e5), **times,
        "total_ms": total, "ms_per_megapixel": round(total / megapixels, 2),
        "queued_ms": round(chance.expovariate(1 / 300), 1),
        "peak_rss_mb": round(500 + 8 * megapixels, 1), "model": "u2net",
        "precision": chance.choice(["fp32", "fp32", "int8"]), "lane": chance.randrange(2),
        "engine": "onnxruntime", "threads": 1, "attempt": 1,
        "subject_confidence": round(min(1.0, chance.lognormvariate(-0.02, 0.2)), 4),
        "how": "copied" if chance.random() < 0.02 else "computed",
        "sha256": f"{chance.getrandbits(256):064x}", "recipe": "u2net-8d10d2f3bb75ae3b-fp32-1",
    }  # fmt: skip


def stamp(moment: datetime) -> str:
    """As the daemon writes it."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def lines(count: int, seed: int = 1, *, slower_from: float = 2.0) -> Iterator[str]:
    """The events as lines of a log."""
    for event in events(count, seed, slower_from=slower_from):
        yield json.dumps(event) + "\n"
