"""All photos for the page and the API, a part at a time: those that wait, then the latest first."""

from __future__ import annotations

from typing import Any

from nobgd.config import Config
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.row import Row
from nobgd.status.daemon import Daemon
from nobgd.status.photos import of_key, told

NO_INBOX = "there is no such inbox"
_MOST = 100
_WAITING_FIRST = 20  # of a list of all: those behind would hide what is done
_IN_LEDGER = {"": None, "retrying": "retry", "done": "done", "quarantined": "quarantined"}


def photos(
    config: Config, ledger: Ledger, service: Daemon | None, asked: dict[str, Any]
) -> dict[str, Any]:
    """{"photos": [...], "next": where the following part begins, or None}.

    ``asked`` may have the key of an "inbox"; else it is about all.
    """
    match asked:
        case {"state": str(state), "after": after, "limit": int(most)}:
            most = max(1, min(most, _MOST))
        case _:
            return {"error": "photos: state, after and limit are needed"}
    mine = sorted(str(each.path) for each in config.inboxes)
    inbox: str | None = None
    if (key := asked.get("inbox")) is not None:
        if (rules := of_key(config, str(key))) is None:
            return {"error": NO_INBOX}
        inbox = str(rules.path)
        mine = [inbox]
    if state == "waiting":
        return _waiting(service, inbox, after if isinstance(after, int) else 0, most)
    if state == "working":
        return {"photos": _working(ledger, service, inbox), "next": None}
    if state == "doubtful":
        return _doubtful(ledger, service, mine, after, most)
    if state not in _IN_LEDGER:
        return {"photos": [], "next": None}
    rows = ledger.latest(_IN_LEDGER[state], _place(after), most + 1, inbox)
    more = len(rows) > most
    found = [told(row.inbox, row.relpath, row, service) for row in rows[:most] if row.inbox in mine]
    if state == "" and after is None:
        waiting = _waiting(service, inbox, 0, _WAITING_FIRST)["photos"]
        first = [*waiting, *_working(ledger, service, inbox)]
        again = {(each["inbox"], each["relpath"]) for each in first}
        found = [*first, *(
            each for each in found if each and (each["inbox"], each["relpath"]) not in again
        )]  # fmt: skip
    last = rows[most - 1] if more else None
    return {"photos": [each for each in found if each], "next": last and _cursor(last)}


def _working(ledger: Ledger, service: Daemon | None, inbox: str | None) -> list[dict[str, Any]]:
    under_way = [] if service is None else list(service.in_flight)
    found = [
        told(*key, ledger.get(*key), service) for key in under_way if inbox in (None, key[0])
    ]  # fmt: skip
    return [each for each in found if each]


def _doubtful(
    ledger: Ledger, service: Daemon | None, inboxes: list[str], after: Any, most: int
) -> dict[str, Any]:  # fmt: skip
    """Those that somebody should look at, an inbox after the other, by name."""
    begun, behind = "", ""
    match after:
        case [str(begun), str(behind)]:
            pass
    rows: list[Row] = []
    for inbox in inboxes:
        if inbox >= begun and len(rows) <= most:
            since = behind if inbox == begun else ""
            rows += ledger.doubtful(inbox, since, most + 1 - len(rows))
    found = [told(row.inbox, row.relpath, row, service) for row in rows[:most]]
    last = rows[most - 1] if len(rows) > most else None
    return {
        "photos": [each for each in found if each],
        "next": None if last is None else [last.inbox, last.relpath],
    }


def _cursor(row: Row) -> list[Any]:
    return [row.changed_at, row.inbox, row.relpath]


def _place(after: Any) -> tuple[float, str, str] | None:
    match after:
        case [float() | int() as at, str(inbox), str(relpath)]:
            return float(at), inbox, relpath
        case _:
            return None


def _waiting(
    service: Daemon | None, inbox: str | None, begin: int, most: int
) -> dict[str, Any]:  # fmt: skip
    if service is None:
        return {"photos": [], "next": None}
    found = service.backlog.first(begin + most + 1, inbox)[begin:]
    rows = [told(each.inbox, each.relpath, None, service) for each in found[:most]]
    sized = [row | {"bytes_in": each.size} for row, each in zip(rows, found, strict=False) if row]
    return {"photos": sized, "next": begin + most if len(found) > most else None}
