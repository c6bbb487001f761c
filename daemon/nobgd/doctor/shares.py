"""The folders of whole photos, looked at from both ends: are they there, for whom, and how mounted.

What home needs of a share it says itself every few seconds (`cluster.words.Cast`); a worker whose
home is silent has only the names in its own file to go by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nobgd.cluster.paths import Shares, Spot
from nobgd.cluster.words import MOST_OFFERED, Cast
from nobgd.config import Config
from nobgd.doctor import ask, mounted
from nobgd.doctor.ask import Probe, Who
from nobgd.doctor.finding import Finding
from nobgd.machines.working import NONE_OFFERED, lacking


def worker(shares: Mapping[str, Path], cast: Cast | None, who: Who) -> Iterator[Finding]:
    """``cast`` is what home has said; None: nothing in time."""
    here = Shares({name: str(folder) for name, folder in shares.items()})
    if cast is None:
        for name, folder in shares.items():
            yield from _of_worker(name, str(folder), None, who)
        return
    if (missing := lacking([cast], here)) != "":
        yield Finding(False, "shares", f"{missing}, or in `shares:` of its file")
    elif not cast.offered:
        yield Finding(False, "shares", NONE_OFFERED)
    for each in cast.offered:
        folder_here = here.path(Spot(each.share, each.below))
        if folder_here is not None:
            yield from _of_worker(each.share, folder_here, each.writes, who)


def _of_worker(name: str, folder: str, writes: bool | None, who: Who) -> Iterator[Finding]:
    """``writes``: cut-outs are written there; None: nobody has said."""
    what = f"share {name} {folder}"
    found = ask.ask(Probe("share", folder, write=bool(writes)), who)
    if "error" in found:
        yield Finding(False, what, f"{found['error']}{_way_out(found, who)}")
    else:
        may = "read and write" if writes else "read"
        if writes is None:
            tried = ask.ask(Probe("share", folder, write=True), who)
            may += " and write" if "error" not in tried else (
                f" and not write ({tried['error']}), which is enough where there are only inboxes"
            )  # fmt: skip
        yield Finding(True, what, f"{_lies(found)}, {who.name} can {may}")
    yield from _harm(what, found, writes=bool(writes))


def home(config: Config, who: Who) -> Iterator[Finding]:
    """The shares of the configuration, and which inboxes lie in them."""
    named = {} if config.cluster is None else config.cluster.shares
    if not named:
        return
    here = Shares({name: str(folder) for name, folder in named.items()})
    written = {spot.share for each in config.inboxes if (spot := here.spot(str(each.outbox)))}
    for name, folder in named.items():
        what = f"share {name} {folder}"
        found = ask.ask(Probe("share", str(folder)), who)
        if "error" in found:
            yield Finding(False, what, f"{found['error']}{_way_out(found, who)}")
        else:
            yield Finding(True, what, _lies(found))
        yield from _harm(what, found, writes=name in written)
    yield from _inboxes(config, here)


def _inboxes(config: Config, here: Shares) -> Iterator[Finding]:
    whole: set[Spot] = set()
    for inbox in config.inboxes:
        what = f"inbox {inbox.path}"
        spots = here.spot(str(inbox.path)), here.spot(str(inbox.outbox))
        if spots[0] is not None and spots[1] is not None:
            whole |= {spots[0], spots[1]}
        elif spots[0] is None and spots[1] is None:
            yield Finding(True, what, "is in no share; its photos are done here")
        else:
            lies, not_so = ("it", "its outbox") if spots[1] is None else ("its outbox", "it")
            says = (
                f"{lies} lies in a share and {not_so} does not, so no machine does its photos; name"
            )
            yield Finding(False, what, f"{says} a folder in cluster.shares that holds {not_so}")
    if not whole:
        says = "no inbox lies in one with its outbox, so no machine does whole photos; name folders"
        yield Finding(False, "shares", f"{says} in cluster.shares that hold both")
    elif len(whole) > MOST_OFFERED:
        says = (
            f"{len(whole)} inboxes and outboxes lie in them, and at most {MOST_OFFERED} are offered"
        )
        yield Finding(
            False, "shares", f"{says}, so none is; take some shares out of cluster.shares"
        )


def _lies(found: dict[str, Any]) -> str:
    return f"{found['fstype']} ({found['source']})"


def _way_out(found: dict[str, Any], who: Who) -> str:
    if found.get("missing"):
        return "; mount the share there, or name the folder where it is"
    if found.get("forbidden"):
        return f"; who may there is for the share's server to say, and here it is {who.name}"
    return ""


def _harm(what: str, found: dict[str, Any], *, writes: bool) -> Iterator[Finding]:
    if "options" in found:
        for good, says in mounted.harm(found["fstype"], found["options"], writes=writes):
            yield Finding(good, what, says)
