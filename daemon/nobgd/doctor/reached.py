"""Does the broker let this machine in, and is it a good one?  What its own answer is."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nobgd.broker import server
from nobgd.cluster import frames, join, subjects
from nobgd.cluster.join import Join, JoinError
from nobgd.cluster.words import Cast
from nobgd.doctor.finding import Finding

if TYPE_CHECKING:
    from nobgd.cluster.link import Link

_API_S = 5.0
_PATIENCE_S = 7.0  # for what home says: it speaks every two seconds, later under load
_SKEW_S = 2.0
_AS_OURS = {"storage": "memory", "retention": "workqueue", "subjects": [subjects.QUESTIONS],
            "allow_msg_ttl": True}  # fmt: skip


def packages(*names: str) -> Finding | None:
    """What the extra `cluster` would bring and is not there; None: all of ``names`` are."""
    lacking = [name for name in names if importlib.util.find_spec(name) is None]
    if not lacking:
        return None
    way_out = f"`{sys.executable} -m pip install 'nobgd[cluster]'`"
    return Finding(False, "cluster", f"{', '.join(lacking)} not installed; {way_out}")


def file(path: Path) -> tuple[Finding, Join | None]:
    """The join file: may it be read, is it one, who else may read it."""
    try:
        found = join.read(path)
    except JoinError as error:
        return Finding(False, "join", str(error)), None
    what = f"join {path}"
    if path.stat().st_mode & 0o007:
        says = f"anybody on this machine may read it; sudo chmod o-rwx {path}"
        return Finding(False, what, says), found
    return Finding(True, what, f"lets {found.name} in at {found.url}"), found


def broker(found: Join, *, home: bool) -> Iterator[Finding]:
    """``home``: this machine asks, so the stream of questions is looked at, too."""
    what = f"broker {found.host}:{found.port}"
    try:
        version, stream, ahead_s = asyncio.run(_ask(found, home=home))
    except (Refused, Lost) as error:
        yield Finding(False, what, str(error))
        return
    if not server.does(version):
        says = f"is NATS {version}, and {server.LEAST} or 2.14 is needed at least; install"
        yield Finding(False, what, f"{says} {server.WHERE}")
        return
    yield Finding(True, what, f"NATS {version}, its certificate is right, and lets {found.name} in")
    if abs(ahead_s) > _SKEW_S:
        says = f"the broker's is {ahead_s:+.0f} s from this one's; no photo is harmed, certificates"
        yield Finding(True, "clocks", f"{says} need them to be the same within a day")
    wrong = [key for key, value in _AS_OURS.items() if stream and stream.get(key) != value]
    if wrong:
        says = f"{wrong[0]} is {stream.get(wrong[0])}, not {_AS_OURS[wrong[0]]}; was it changed by"
        says += " hand? Restart the broker with an empty store, and it is made anew"
        yield Finding(False, f"stream {subjects.THINK}", says)


def said(found: Join) -> Cast | None:
    """What home tells this machine every few seconds; None: it says nothing in time."""
    try:
        return asyncio.run(_said(found))
    except (Refused, Lost):
        return None


async def _said(found: Join) -> Cast | None:
    from nobgd.cluster import link

    heard: asyncio.Future[Cast] = asyncio.get_running_loop().create_future()

    async def take(message: link.Heard) -> None:
        with contextlib.suppress(frames.Broken):
            cast, _ = frames.unpack(Cast, message.data)
            if not heard.done():
                heard.set_result(cast)

    opened = await _opened(found)
    try:
        await opened.listen(subjects.cast(found.name), take)
        done, _ = await asyncio.wait([heard], timeout=_PATIENCE_S)
        return heard.result() if done else None
    except link.Lost:
        return None
    finally:
        await opened.close()


class Refused(Exception):  # noqa: N818 - a state
    """The broker does not let us in; a sentence with the way out."""


class Lost(Exception):  # noqa: N818 - a state
    """It cannot be reached; a sentence with the way out."""


async def _ask(found: Join, *, home: bool) -> tuple[str, dict[str, Any], float]:
    """The broker's version; how it keeps questions, {} where it keeps none; its clock less ours."""
    from nobgd.cluster import link

    opened = await _opened(found)
    try:
        stream: dict[str, Any] = {}
        ahead_s = 0.0
        if home:
            try:
                told = await opened.ask(f"$JS.API.STREAM.INFO.{subjects.THINK}", b"", _API_S)
                answer = json.loads(told)
                stream = dict(answer.get("config") or {})
                ahead_s = _seconds(answer.get("ts"))
            except (link.Unheard, link.Lost, ValueError):
                stream = {}
        return _plain(opened.version), stream, ahead_s
    finally:
        await opened.close()


async def _opened(found: Join) -> Link:
    from nobgd.cluster import link

    try:
        return await link.open_link(found, f"{found.name} doctor")
    except link.Refused as error:
        raise Refused(str(error)) from None
    except link.Lost as error:
        raise Lost(str(error)) from None


def _plain(version: str) -> str:
    """Without what the client writes around it."""
    found = re.search(r"\d+(\.\d+)+[^\s>]*", version)
    return found[0] if found else version


def _seconds(said: object) -> float:
    """How far a time as JetStream says it (RFC 3339, with nanoseconds) is from now; 0: unknown."""
    try:
        there = dt.datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", str(said)))
        return (there - dt.datetime.now(dt.UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0
