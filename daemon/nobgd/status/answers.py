"""What can be asked of a daemon, and of its ledger while it is not running.

`why` always has an answer, in one sentence, for any path.  With a `Service` it also knows
what waits and what is being worked on; without one it answers from the ledger.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from datetime import datetime
from typing import Any

from nobgd.config import Config, InboxConfig
from nobgd.fs.names import shown
from nobgd.intake.ignore import Ignore
from nobgd.jobs import asides, plan, recipes, redoing
from nobgd.jobs.freeing import free
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.row import Row
from nobgd.status import glance, inventory, judging, listing, photos, redo
from nobgd.status.daemon import Daemon
from nobgd.status.glance import Glance
from nobgd.status.hindrance import Kind, sentence
from nobgd.status.line import line
from nobgd.status.model import Status

_FAILURES_SHOWN = 10


def status(config: Config, ledger: Ledger, now: Status | None) -> dict[str, Any]:
    """Queue, lanes, inboxes and last failures, as plain values for JSON; without a daemon less."""
    counts = ledger.counts()
    inboxes = []
    for each in config.inboxes:
        path = str(each.path)
        entry: dict[str, Any] = {
            "inbox": path,
            "outbox": str(each.outbox),
            "done": counts.get((path, "done"), 0),
            "retrying": counts.get((path, "retry"), 0),
            "quarantined": counts.get((path, "quarantined"), 0),
            "skipped": counts.get((path, "skipped"), 0),
            "kept": ledger.kept_count(path),
            "doubtful": ledger.doubtful_count(path),
            "paused": _paused(ledger, path),
            "paused_by": "command" if _paused(ledger, path) else None,
        }
        if now is not None and path in now.inboxes:
            found, box = now.inboxes[path], now.outboxes[str(each.outbox)]
            waits = found.hindrance
            entry |= {
                "paused": found.paused,
                "paused_by": found.paused_by,
                "waiting": found.waiting,
                "state": found.seen.state, "strategy": found.seen.strategy,
                "watch": list(found.seen.texts), "why": found.seen.why,
                "silent": found.silent, "unsettled": found.seen.unsettled,
                "files": found.seen.files,
                "outbox_ready": box.ready,
                "outbox_why": box.why,
                "hindrance": None if waits is None else waits.kind,
                "hindered": None if waits is None else sentence(waits, path, box.path),
            }  # fmt: skip
        inboxes.append(entry)
    answer: dict[str, Any] = {"running": now is not None, "inboxes": inboxes}
    answer["redo"] = redoing.choices(config)
    if now is not None and now.lane_count:
        answer |= {
            "line": line(now),
            "waiting": now.waiting,
            "retrying": now.retrying,
            "working": len(now.lanes),
            "lanes": [
                {"lane": each.lane, "source": shown(each.source), "stage": each.stage,
                 "seconds": round(each.seconds, 1)}
                for each in now.lanes
            ],
            "lane_count": now.lane_count,
            "threads": now.threads,
            "model_process": now.model_process,
            "lanes_open": now.processes,
            "megapixels_per_minute": round(now.megapixels_per_minute, 1),
            "photos_per_minute": round(now.photos_per_minute, 1),
        }  # fmt: skip
        if now.others is not None:
            answer["broker"] = now.others.broker
            answer["machines"] = [asdict(each) for each in now.others.machines]
    failures = ledger.in_state("quarantined", _FAILURES_SHOWN)
    answer["failures"] = [
        {"source": shown(os.path.join(row.inbox, row.relpath)), "code": row.code,
         "reason": row.reason, "when": _when(row.changed_at)}
        for row in failures
    ]  # fmt: skip
    return answer


def _paused(ledger: Ledger, inbox: str) -> bool:
    return ledger.fact(f"paused {inbox}") is not None or ledger.fact("paused *") is not None


def locate(config: Config, path: str, seen: Glance) -> tuple[InboxConfig, str] | None:
    """Which inbox a path lies in, and its name there."""
    for each in config.inboxes:
        for root in seen.roots(str(each.path)):
            if path.startswith(root.rstrip("/") + "/"):
                return each, path[len(root.rstrip("/")) + 1 :]
    return None


def why(
    config: Config, ledger: Ledger, service: Daemon | None, path: str, seen: Glance
) -> str:  # fmt: skip
    """One sentence on what happened, or will happen, to ``path`` (absolute)."""
    found = locate(config, path, seen)
    if found is None:
        return _not_in_an_inbox(config, path)
    inbox, relpath = found
    root = str(inbox.path)
    row = ledger.get(root, relpath)
    if service is not None and (root, relpath) in service.in_flight:
        return _in_flight(service, relpath)
    waiting = service.backlog.find(root, relpath) if service is not None else None
    if waiting is not None and waiting[1] is None:
        return _waiting(service, inbox, relpath)
    if row is not None and row.state == "retry":
        waits = _hindered(service, inbox, Kind.SILENT)
        if waits is not None:
            return waits
    if row is not None and row.state != "trying":
        return _booked(row, inbox, path)
    ignore = Ignore(inbox.ignore, suffix=inbox.output.suffix, tail=inbox.output.rendering.tail)
    parts = relpath.split("/")
    for depth in range(1, len(parts) + 1):
        rule = ignore.rule("/".join(parts[:depth]), depth < len(parts))
        if rule is not None:
            part, is_dir = "/".join(parts[:depth]), depth < len(parts)
            return f"ignored: {shown(part)} {shown(ignore.explained(part, rule, is_dir=is_dir))}"
    if not inbox.recursive and len(parts) > 1:
        return f"ignored: {root} is watched without its sub-folders (recursive: false)"
    reason = plan.refusal(relpath)
    if reason is not None:
        return f"skipped: {shown(reason)}"
    if seen.kind == "silent":
        return f"{root} does not answer, and nothing is known of {shown(path)}; is its share alive?"
    if seen.kind == "missing":
        return f"{shown(path)} is not there, and nothing is known of it"
    if seen.kind != "file":
        return f"ignored: {shown(path)} is a link or no plain file"
    if service is None:
        return "waiting: the daemon is not running; start it, or run `nobgd once`"
    if (waits := _hindered(service, inbox, Kind.LOST)) is not None:
        return waits
    return f"waiting: it has to be quiet for {inbox.watch.settle_s:g} s before it is started"


def _not_in_an_inbox(config: Config, path: str) -> str:
    for each in config.inboxes:
        if path.startswith(str(each.outbox).rstrip("/") + "/"):
            return f"{shown(path)} lies in the outbox {each.outbox}: it is a result, not a source"
    boxes = ", ".join(str(each.path) for each in config.inboxes)
    return f"{shown(path)} is in no inbox; the inboxes are {boxes}"


def _in_flight(service: Daemon, relpath: str) -> str:
    for each in service.snapshot().lanes:
        if each.source == relpath:
            return f"working: lane {each.lane} is at {each.stage}, since {each.seconds:.1f} s"
    return "working: it is the next one for a free lane"


def _waiting(service: Daemon | None, inbox: InboxConfig, relpath: str) -> str:
    assert service is not None  # noqa: S101 - only a service has a backlog
    root = str(inbox.path)
    if (waits := _hindered(service, inbox)) is not None:
        return waits
    ahead = service.backlog.waiting(root)
    return f"waiting: {shown(relpath)} is one of {ahead} photos of this inbox that wait for a lane"


def _hindered(service: Daemon | None, inbox: InboxConfig, *kinds: Kind) -> str | None:
    """What the inbox's photos wait for, if it is one of these kinds (any, if none is given)."""
    now = service.snapshot().inboxes.get(str(inbox.path)) if service is not None else None
    if now is None or now.hindrance is None or (kinds and now.hindrance.kind not in kinds):
        return None
    waits = "waiting for " if now.hindrance.kind is Kind.OUTBOX else "waiting: "
    return waits + sentence(now.hindrance, now.path, now.outbox)


def _booked(row: Row, inbox: InboxConfig, path: str) -> str:
    when = _when(row.changed_at)
    match row.state:
        case "done":
            how = {"copied": " as a copy of an identical photo's", "found": ", found as it was",
                   "rendered": " from its cut-out"}  # fmt: skip
            output = os.path.join(row.outbox or "", row.output or "")
            took = ""
            if row.took_ms and row.how in ("computed", "rendered"):
                took = f", in {row.took_ms / 1000:.1f} s"
            suffix, end = inbox.output.suffix, os.path.splitext(row.output or "")[1]
            names = plan.outputs(row.relpath, suffix, end)
            refused = plan.refused_name(row.output or "", names, suffix + end)
            spelt = f" (its disk does not take the name {shown(refused)})" if refused else ""
            said = f"done{how.get(row.how or '', '')} as {shown(output)}{spelt} at {when}{took}"
            return said + judging.told(row, path) + _original(row, inbox)
        case "retry":
            left = max(0.0, (row.next_try or 0.0) - time.time())
            return f"retrying: {row.reason or 'it was interrupted'}; next try in {left:.0f} s"
        case "quarantined":
            where, again = inbox.quarantine, f"`nobgd retry {shown(path)}` tries again"
            none = asides.not_copied(row)
            copy = f"a copy is in {where}" if none is None else f"no copy is in {where} ({none})"
            if row.gone:
                again = "the original has left the inbox, and the copy stays until you remove it"
            return f"quarantined at {when} ({row.code}): {row.reason}; {copy}; {again}"
        case _:
            return f"skipped: {row.reason}"


def _original(row: Row, inbox: InboxConfig) -> str:
    """What becomes, or became, of an original that is to leave."""
    if row.disposed:
        return "; the original has been archived or deleted"
    if row.gone:
        return "; the original has left the inbox"
    if inbox.source == "keep":
        return ""
    if row.kept is not None:
        return f"; the original is kept ({row.kept}): {row.kept_why}"
    return "; the original waits until it has been quiet for long enough to go"


def _output(config: Config, ledger: Ledger, path: str, seen: Glance) -> str | None:
    """Where the output of a photo that is done should be."""
    found = locate(config, path, seen)
    row = ledger.get(str(found[0].path), found[1]) if found is not None else None
    if row is None or row.state != "done":
        return None
    return os.path.join(row.outbox or "", row.output or "")


def retry(config: Config, ledger: Ledger, paths: list[str], seen: Glance) -> list[Row]:
    """Forget the attempts of ``paths`` (all quarantined and retrying photos if empty).

    Returns what was known of each photo that was freed.
    """
    if not paths:
        rows = ledger.in_state("quarantined") + ledger.in_state("retry")
        targets = [(row.inbox, row.relpath) for row in rows]
    else:
        located = [locate(config, path, seen) for path in paths]
        targets = [(str(found[0].path), found[1]) for found in located if found is not None]
    freed = free(ledger, targets)
    ledger.commit()
    return freed


def _when(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s).astimezone().isoformat(sep=" ", timespec="seconds")


def handle(
    config: Config, ledger: Ledger, service: Daemon | None, request: dict[str, Any], seen: Glance
) -> dict[str, Any]:
    """Answer one request of the control socket (or of a verb, without a daemon).

    ``seen`` is what the asker saw (see `glance`): nothing is looked at here.
    """
    match request:
        case {"do": "status"}:
            return status(config, ledger, service.snapshot() if service is not None else None)
        case {"do": "why", "path": str(path)}:
            said = why(config, ledger, service, path, seen)
            output = _output(config, ledger, path, seen) if said.startswith("done") else None
            return {"why": said} | ({"output": output} if output is not None else {})
        case {"do": "photo", "inbox": str(inbox), "relpath": str(relpath)}:
            return photos.photo(config, ledger, service, inbox, relpath)
        case {"do": "render", "inbox": str(inbox), "relpath": str(relpath), "output": dict(output)}:
            return photos.render(config, ledger, service, (inbox, relpath), output)
        case {"do": "photos", **asked}:
            return listing.photos(config, ledger, service, asked)
        case {"do": "preview", **asked}:
            return photos.preview(config, ledger, service, asked)
        case {"do": "list", "state": str() | None as state, "after": [str(inbox), str(relpath)]}:
            changed = bool(request.get("changed"))
            return inventory.page(config, ledger, state, (inbox, relpath), changed=changed)
        case {"do": "accept" | "reject" | "reopen" as do, "paths": list(paths)}:
            found = [locate(config, str(path), seen) for path in paths]
            named = [(str(each[0].path), each[1]) for each in found if each is not None]
            return judging.judge(config, ledger, service, named, judging.VERDICTS[do])
        case {"do": "redo", "paths": list(paths), **asked}:
            found = [locate(config, str(path), seen) for path in paths]
            named = [(str(each[0].path), each[1]) for each in found if each is not None]
            return redo.redo(config, ledger, service, named, asked)
        case {"do": "retry", "changed": True}:
            freed_of = [str(each.path) for each in config.inboxes
                        if recipes.let_go(ledger, str(each.path))]  # fmt: skip
            ledger.commit()
            if service is not None:
                service.look_anew(freed_of)
            return {"inboxes": [shown(path) for path in freed_of]}
        case {"do": "retry", "paths": list(paths)}:
            freed = retry(config, ledger, [str(path) for path in paths], seen)
            if service is not None:
                service.freed(freed)
            return {"freed": [shown(os.path.join(row.inbox, row.relpath)) for row in freed]}
        case {"do": "pause" | "resume" as do, "inbox": str() | None as inbox}:
            known = {str(each.path) for each in config.inboxes}
            if inbox is not None and inbox not in known:
                real = {root: path for path in known for root in seen.roots(path)}
                if inbox not in real:
                    return {"error": f"{shown(inbox)} is no inbox of {config.origin}"}
                inbox = real[inbox]
            targets = [inbox or "*", *([] if inbox or do == "pause" else known)]
            for target in targets:
                ledger.remember(f"paused {target}", "by command" if do == "pause" else None)
            ledger.commit()
            return {"inbox": inbox}
        case _:
            return {"error": "not understood"}


def answer(
    config: Config, ledger: Ledger, service: Daemon | None, request: dict[str, Any]
) -> dict[str, Any]:
    """All of it in one thread, for those who have no loop to spare."""
    seen = glance.look(config, request)
    return glance.complete(handle(config, ledger, service, request, seen))
