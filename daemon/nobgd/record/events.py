"""Outcomes ↔ JSON lines: the events of the log, which `nobgd report` reads.  Pure."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from typing import Any

from nobgd.values import Done, Failed, Skip
from nobgd.values.doubt import words
from nobgd.values.wire import Thought

SCHEMA_VERSION = 1
HERE = platform.node() or "here"  # this machine
_ENCODER = json.JSONEncoder(default=str)


def stamp(epoch_s: float) -> str:
    """A time as lines have it: UTC, ISO 8601 with microseconds."""
    when = datetime.fromtimestamp(epoch_s, UTC)
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")


def photo_done(
    done: Done, *, lane: int, queued_ms: float, lanes_busy: float = 1.0,
    compression: str = "fast", output_format: str = "png", thought: Thought | None = None,
    host: str = "",
) -> dict[str, Any]:  # fmt: skip
    """The event of a finished photo; times in milliseconds, sizes in bytes and MB of 10^6.

    ``lanes_busy``: the mean of how many lanes had a photo meanwhile.  ``thought``: which other
    machine made the mask, ``host``: which did all of it.
    """
    megapixels = done.width * done.height / 1e6
    timing = done.timing
    return {
        "event": "photo.done",
        "inbox": done.inbox,
        "source": os.path.join(done.inbox, done.relpath),
        "output": done.output,
        "width": done.width,
        "height": done.height,
        "megapixels": round(megapixels, 4),
        "bytes_in": done.bytes_in,
        "bytes_out": done.bytes_out,
        "read_ms": round(timing.read_ms, 1),
        "decode_ms": round(timing.decode_ms, 1),
        "infer_ms": round(timing.infer_ms, 1),
        "edges_ms": round(timing.edges_ms, 1),
        "compose_ms": round(timing.compose_ms, 1),
        "encode_ms": round(timing.encode_ms, 1),
        "publish_ms": round(timing.publish_ms, 1),
        "total_ms": round(timing.total_ms, 1),
        "ms_per_megapixel": round(timing.total_ms / megapixels, 2) if megapixels else 0.0,
        "queued_ms": round(queued_ms, 1),
        "peak_rss_mb": done.peak_rss_mb,
        "model": done.model,
        "precision": done.precision,
        "engine": done.engine if thought is None else thought.engine,
        "host": host or (HERE if thought is None else thought.host),
        **({} if thought is None else {"think_ms": round(thought.took_ms, 1)}),
        "lane": lane,
        "threads": done.threads,
        "lanes_busy": round(lanes_busy, 2),
        "compression": compression,
        "format": output_format,
        "attempt": done.attempt,
        "subject_confidence": done.subject_confidence,
        **({"notes": list(done.notes)} if done.notes else {}),
        **({"doubt": done.doubt} if done.doubt is not None else {}),
        "review": done.review,
        **({"why": words(done.subject_confidence)} if done.review else {}),
        "how": done.how,
        "sha256": done.sha256,
        "recipe": done.recipe,
    }


def _failure(event: str, failed: Failed) -> dict[str, Any]:
    return {
        "event": event,
        "inbox": failed.inbox,
        "source": os.path.join(failed.inbox, failed.relpath),
        "code": str(failed.code),
        "reason": failed.reason,
        "attempt": failed.attempt,
    }


def photo_failed(failed: Failed, *, retry_in_s: float | None) -> dict[str, Any]:
    """The event of an attempt that failed and will be followed by another."""
    return {**_failure("photo.failed", failed), "retry_in_s": retry_in_s}


def photo_quarantined(failed: Failed, *, quarantine: str) -> dict[str, Any]:
    """The event of a photo that will not be tried again by itself."""
    return {**_failure("photo.quarantined", failed), "quarantine": quarantine}


def photo_placed(inbox: str, source: str, output: str) -> dict[str, Any]:
    """The event of a cut-out that somebody judged and that has another place since."""
    return {"event": "photo.placed", "inbox": inbox, "source": source, "output": output}


def photo_spoilt(inbox: str, source: str, output: str) -> dict[str, Any]:
    """The event of a cut-out that another machine wrote over after it had lost its photo."""
    why = "a machine that had lost the photo wrote over its cut-out, which is made anew"
    found = {"event": "photo.spoilt", "inbox": inbox, "source": source, "output": output}
    return {**found, "why": why}


def photo_not_placed(inbox: str, source: str, code: str, reason: str) -> dict[str, Any]:
    """The event of one that could not be put there; it is tried again, unless it has vanished."""
    found = {"event": "photo.not_placed", "inbox": inbox, "source": source}
    return {**found, "code": str(code), "reason": reason}


def photo_skipped(skip: Skip) -> dict[str, Any]:
    """The event of a file that is not worked on; logged once for each."""
    source = os.path.join(skip.inbox, skip.relpath)
    return {
        "event": "photo.skipped", "inbox": skip.inbox, "source": source, "reason": skip.reason,
    }  # fmt: skip


def line(event: dict[str, Any]) -> str:
    """One line of ASCII JSON; bytes of names that are no UTF-8 survive as surrogate escapes."""
    return _ENCODER.encode(event)


def parse(text: str | bytes) -> dict[str, Any] | None:
    """The event of one line, None when it is not one of ours."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):  # torn, or nested too deeply to be a line of ours
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
