"""The log's JSON Schema and its page of fields, from a table of events and `fields`.  Pure."""

from __future__ import annotations

import json
from typing import Any

from nobgd.record import events
from nobgd.record.fields import FIELDS, MAYBE_NUMBER, MAYBE_TEXT, TEXTS, TRUTH

_PHOTO_DONE = (
    "inbox source output width height megapixels bytes_in bytes_out read_ms decode_ms infer_ms"
    " compose_ms encode_ms publish_ms total_ms ms_per_megapixel queued_ms peak_rss_mb model"
    " precision lane threads attempt subject_confidence how sha256 recipe"
)
_FAILED = "inbox source code reason attempt"

# event: (meaning, fields that are always there, fields that may be)
EVENTS: dict[str, tuple[str, str, str]] = {
    "photo.done": (
        "a cut-out is whole and on disk", _PHOTO_DONE,
        "engine host think_ms edges_ms lanes_busy compression format notes doubt review why"
        " renamed",
    ),
    "photo.moved": (
        "another machine was to make a photo's mask, or all of it, and did not; another does, or"
        " this one does",
        "from to", "inbox source",
    ),
    "photo.spoilt": (
        "a machine that had lost a photo, and woke up later, wrote over its cut-out, which is made"
        " anew",
        "inbox source output why", "",
    ),
    "photo.failed": (
        "an attempt failed; another follows. Where its place is at fault: told when that begins,"
        " and when the code changes",
        f"{_FAILED} retry_in_s", "",
    ),
    "photos.failing": (
        "more photos than were told one by one wait for their place; told when the number changes,"
        " at growing intervals",
        "inbox code count reason", "",
    ),
    "photo.quarantined": ("a photo is not tried again by itself", f"{_FAILED} quarantine", ""),
    "photo.not_set_aside": (
        "the quarantine folder could not take a photo; it stays in its inbox only",
        "inbox source code reason", "",
    ),
    "photo.placed": (
        "a cut-out was accepted and has left _review/ for its place, or is back there",
        "inbox source output", "",
    ),
    "photo.not_placed": (
        "an accepted cut-out could not be put into its place; it is tried again, unless it has"
        " vanished; said once",
        "inbox source code reason", "",
    ),
    "photo.skipped": ("a file is not worked on; said once", "inbox source reason", ""),
    "source.kept": (
        "a source was to be archived or deleted and stays; said once for each code",
        "inbox source code reason", "",
    ),
    "sources.kept": (
        "more sources than were told one by one stay for one reason; told when the number changes,"
        " at growing intervals",
        "inbox code count reason", "",
    ),
    "source.gone": ("one that was said to be kept has gone after all", "inbox source", ""),
    "service.ready": (
        "models are loaded, inboxes are watched",
        "version schema pid lanes threads in_flight_megapixels model precision inboxes start_ms",
        "engine quarantined",
    ),
    "service.stopping": ("no new photo is begun", "why in_lanes", ""),
    "service.reloaded": ("a new configuration is in force", "changed needs_restart inboxes", ""),
    "service.reload_refused": ("the old configuration stays in force", "reason", ""),
    "service.drift": (
        "photos take longer than earlier ones of the same kind and size",
        "percent stage before_ms_per_megapixel recent_ms_per_megapixel photos_before"
        " photos_recent",
        "",
    ),
    "service.stumbled": (
        "something could not be done, for a mistake in nobgd; it goes on without it; said once",
        "why", "inbox source",
    ),
    "service.unwell": ("the watchdog is not fed", "why", ""),
    "inbox.watching": ("how changes are noticed", "inbox strategy why", "where"),
    "inbox.lost": ("an inbox cannot be read", "inbox why", ""),
    "inbox.overflow": (
        "events were lost, everything is looked at instead; once for a burst", "inbox why", "",
    ),
    "inbox.back": ("it can be read again", "inbox", ""),
    "inbox.restarted": ("a scanner had ended and was started anew", "inbox why", ""),
    "inbox.paused": ("somebody paused it", "inbox why", ""),
    "inbox.resumed": ("it works again", "inbox why", ""),
    "inbox.retried": ("quarantined photos are tried again", "inbox photos why", ""),
    "outbox.lost": ("an outbox cannot be written to; its photos wait", "outbox code why", ""),
    "outbox.back": ("it can be written to again", "outbox", ""),
    "archive.lost": ("an archive cannot be written to; originals wait", "archive code why", ""),
    "archive.back": ("it can be written to again", "archive", ""),
    "quarantine.lost": (
        "a quarantine cannot be written to; photos stay in their inbox only",
        "quarantine code why", "",
    ),
    "quarantine.back": ("it can be written to again", "quarantine", ""),
    "share.silent": (
        "a folder does not answer; its photos wait, others go on", "folder why", "",
    ),
    "share.back": ("it answers again", "folder", ""),
    "share.refused": ("a control file was not written or removed", "code why", "inbox outbox"),
    "state.lost": ("the ledger cannot be written; nothing is done until it can", "why", ""),
    "state.back": ("it can be written again; everything is looked at anew", "", ""),
    "lanes.fewer": ("memory allows fewer lanes than there could be", "lanes why", ""),
    "lanes.back": ("they are as many again as at the start", "lanes", ""),
    "lane.unfit": (
        "a lane cannot be opened, or an ordinary photo does not fit; it is tried again",
        "lane why", "",
    ),
    "model.ended": ("the model process ended; it is opened again, no photo notices", "why", ""),
    "model.unfit": ("the model process cannot be opened; it is tried again", "why", ""),
    "model.confined": ("how the model process is confined; said when it is opened", "holds", ""),
    "link.ended": (
        "the process that talks to other machines ended; it is opened again, no photo notices",
        "why", "",
    ),
    "link.confined": ("how that process is confined; said when it is opened", "holds", ""),
    "broker.lost": (
        "the broker cannot be reached; masks are made here until it can", "why", "",
    ),
    "broker.back": ("it can be reached again", "", ""),
    "machine.joined": ("a machine offers to make masks", "host", ""),
    "machine.refused": ("it gets no work; why, and the way out", "host why", ""),
    "machine.lost": ("it says nothing any more; what it had is done elsewhere", "host why", ""),
    "machine.back": ("it speaks again", "host", ""),
    "machine.shown": (
        "it sees our folders as we do: whole photos are done there, too", "host shares", "",
    ),
    "machine.unshown": (
        "it does not, or not any more; photos are done here", "host why", "",
    ),
    "cache.altered": ("a made model was not as it was made; it is made anew", "why", ""),
    "cache.unusable": ("a model cannot be kept in cache_dir; starts take longer", "why", ""),
    "log.lost": ("the log cannot be written; said on stdout only", "log why", ""),
    "log.back": ("it can again, and has what it lacked", "log lines dropped", ""),
    "lane.confined": ("how lanes are confined; said once for each kind", "lane holds", ""),
    "control.closed": ("`nobgd status` cannot ask this daemon", "why", ""),
    "metrics.closed": ("metrics are not shown", "why", ""),
    "metrics.back": ("the metrics file is written again", "", ""),
}  # fmt: skip

_COMMON = ("timestamp", "level", "event")


def _kind(name: str) -> dict[str, Any]:
    kind, meaning = FIELDS[name]
    shapes: dict[str, dict[str, Any]] = {
        TRUTH: {"type": "boolean"},
        TEXTS: {"type": "array", "items": {"type": "string"}},
        MAYBE_NUMBER: {"type": ["number", "null"]},
        MAYBE_TEXT: {"type": ["string", "null"]},
    }
    return {**shapes.get(kind, {"type": kind}), "description": meaning}


def schema() -> dict[str, Any]:
    """The JSON Schema of one line; fields and events that are not in it are allowed."""
    variants = []
    for event, (meaning, always, maybe) in EVENTS.items():
        names = always.split()
        properties = {name: {"$ref": f"#/$defs/{name}"} for name in (*names, *maybe.split())}
        variants.append(
            {
                "if": {"properties": {"event": {"const": event}}, "required": ["event"]},
                "then": {"description": meaning, "required": names, "properties": properties},
            }
        )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of nobgd's log",
        "description": f"Version {events.SCHEMA_VERSION}. One JSON object a line.",
        "type": "object",
        "required": list(_COMMON),
        "properties": {name: {"$ref": f"#/$defs/{name}"} for name in _COMMON},
        "allOf": variants,
        "$defs": {name: _kind(name) for name in FIELDS},
    }


def text() -> str:
    """The schema as docs/log-schema.json has it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def tables() -> str:
    """Events and fields as Markdown, as docs/reading-the-log.md has them."""
    lines = ["| event | meaning | fields |", "|---|---|---|"]
    for event, (meaning, always, maybe) in EVENTS.items():
        optional = "".join(f" (`{name}`)" for name in maybe.split())
        fields = " ".join(f"`{name}`" for name in always.split()) + optional
        lines.append(f"| `{event}` | {meaning} | {fields} |")
    lines += ["", "| field | type | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {kind} | {meaning} |" for name, (kind, meaning) in FIELDS.items()]
    return "\n".join(lines) + "\n"
