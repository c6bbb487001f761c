"""Photos as the API tells of them: found by their id, waited for, described."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nobgd.config import webbing
from nobgd.web import drop
from nobgd.web.daemon import NotRunning
from nobgd.web.problems import Problem
from nobgd.web.site import Site

SETTLED = frozenset({"done", "quarantined", "skipped", "gone"})
_HEARD_S, _UNHEARD_S = 2.0, 0.1  # between two questions, with and without events
_STATES = frozenset({"waiting", "working", "retrying", *SETTLED})


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo, as the daemon knows it now."""

    inbox: str  # the key
    relpath: str
    state: str
    stage: str | None = None
    code: str | None = None
    reason: str | None = None
    changed_at: float | None = None
    took_ms: float | None = None
    bytes_in: int | None = None
    outbox: str | None = None
    output: str | None = None  # relative to the outbox
    doubt: float | None = None  # of its cut-out, 0 to 1
    review: str | None = None  # open: somebody should look | accepted | rejected
    touched: bool = False  # somebody painted over its cut-out

    @property
    def name(self) -> str:
        """As the client called it."""
        return drop.shown(self.relpath)

    @property
    def version(self) -> str:
        """Another one whenever there may be another cut-out."""
        return f"{int((self.changed_at or 0.0) * 1000):x}"


async def look(site: Site, inbox: str, relpath: str) -> Photo:
    """How it is with a photo; without a daemon, whether it waits."""
    request = {"do": "photo", "inbox": inbox, "relpath": relpath}
    try:
        told = (await site.daemon.ask(request)).get("photo")
    except NotRunning:
        told = None
    left = isinstance(told, dict) and bool(told.get("gone")) and inbox == site.own
    if isinstance(told, dict) and told.get("state") in _STATES and not left:
        return known({**told, "inbox": inbox, "relpath": relpath})
    there = inbox == site.own and site.drop.there(relpath)
    return Photo(inbox, relpath, "waiting" if there else "gone")


def known(told: Mapping[str, Any]) -> Photo:
    """A photo as the daemon tells of it."""
    values: dict[str, Any] = {name: told.get(name) for name in Photo.__slots__}
    if isinstance(values["reason"], str):  # clients know their own names
        relpath = str(values["relpath"])
        values["reason"] = values["reason"].replace(relpath, drop.shown(relpath))
    return Photo(**values)


async def settled(site: Site, inbox: str, relpath: str, within_s: float) -> Photo:
    """The photo when nothing more is to come of it by itself, or after so long."""
    until = time.monotonic() + within_s
    async with site.daemon.hearing() as ear:
        while True:
            photo = await look(site, inbox, relpath)
            left = until - time.monotonic()
            if photo.state in SETTLED or left <= 0:
                return photo
            pause = min(left, _HEARD_S if site.daemon.connected else _UNHEARD_S)
            await ear.about(relpath, pause)


def named(site: Site, name: str) -> tuple[str, str]:
    """(inbox key, relpath) of an id.  Raises Problem 404."""
    found = site.ids.read(name)
    if found is None or found[0] not in site.inboxes:
        raise Problem(404, "not_found", "there is no such photo; ask for the list anew")
    return found


def inbox(site: Site, key: Any) -> str | None:
    """The key of an inbox, None for all of them.  Raises Problem 404 for what is neither."""
    if key is not None and (not isinstance(key, str) or key not in site.inboxes):
        raise Problem(404, "not_found", "there is no such inbox")
    return key


def described(site: Site, photo: Photo) -> dict[str, Any]:
    """As JSON says it, see docs/api.md."""
    name = site.ids.of(photo.inbox, photo.relpath)
    base = f"api/v1/photos/{name}"
    return {
        "id": name, "name": photo.name, "inbox": photo.inbox, "state": photo.state,
        "code": photo.code, "reason": photo.reason,
        "changed_at": _when(photo.changed_at), "stage": photo.stage,
        "took_ms": photo.took_ms, "bytes_in": photo.bytes_in, "version": photo.version,
        "doubt": photo.doubt, "review": photo.review, "touched": bool(photo.touched),
        "mine": photo.inbox == site.own,
        "links": {"self": base, "result": f"{base}/result"},
    }  # fmt: skip


def _when(epoch_s: float | None) -> str | None:
    if epoch_s is None:
        return None
    said = datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds")
    return said.replace("+00:00", "Z")


def done(photo: Photo) -> None:
    """Raises Problem unless there is a cut-out."""
    if photo.state == "done":
        return
    if photo.state in ("quarantined", "skipped"):
        raise Problem(422, photo.code or photo.state, photo.reason or "it cannot be cut out")
    if photo.state == "gone":
        raise Problem(404, "not_found", "nothing is known of it any more; hand it in again")
    said = f"it is {photo.state}; ask again, or ask for the photo with ?wait=25"
    raise Problem(409, "not_done", said, {"Retry-After": "2"})


def mine(site: Site, photo: Photo) -> bool:
    """Whether its cut-out lies in the page's own folder."""
    return photo.inbox == site.own and photo.outbox == str(webbing.out(site.config))
