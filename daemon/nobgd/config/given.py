"""A configuration of folders or photos that were named on the command line: no file is read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nobgd.config import folders, globs
from nobgd.config.model import Config


class HomelessError(Exception):
    """There is nowhere to keep the state; one sentence."""


def folder(inbox: Path, outbox: Path, model: str) -> Config:
    """All photos of a folder, sub-folders too.

    Its state is kept beside those of other pairs of folders, so that a second run goes on where
    the first ended.  Raises `HomelessError`.
    """
    name = hashlib.sha256(b"\0".join(map(os.fsencode, (inbox, outbox)))).hexdigest()[:16]
    state = _home("XDG_STATE_HOME", ".local/state") / "nobgd" / name
    return _config(state, model, [{"path": inbox, "outbox": outbox}], {})


def photos(
    named: Mapping[Path, Sequence[str]], outbox: Path | None, model: str, state: Path
) -> Config:
    """Photos by folder and name, each into ``outbox`` or beside itself; kept in ``state``.

    Raises `HomelessError`.
    """
    inboxes = [
        {"path": path, "outbox": outbox or path, "recursive": False, "ignore": only(names),
         "watch": {"mode": "poll", "settle_s": 0.0}}
        for path, names in named.items()
    ]  # fmt: skip
    few = {"count": 1} if sum(map(len, named.values())) == 1 else {}
    return _config(state, model, inboxes, few)


def only(names: Iterable[str]) -> tuple[str, ...]:
    """Lines for ``ignore:`` that leave out all of a folder but these."""
    return ("*", *(f"!/{globs.literal(name)}" for name in names))


def _config(
    state: Path, model: str, inboxes: list[dict[str, Any]], workers: dict[str, Any]
) -> Config:
    made = Config.model_validate({
        "state_dir": state,
        "cache_dir": _home("XDG_CACHE_HOME", ".cache") / "nobgd" / "made",
        "model": {"name": model},
        "workers": workers,
        "quarantine_limit": 0,  # the originals stay where they are
        "inboxes": [{**each, "model": {"name": model}} for each in inboxes],
    })  # fmt: skip
    filled = (
        each.model_copy(update={"quarantine": path})
        for each, path in zip(made.inboxes, folders.quarantines(made), strict=True)
    )
    return made.model_copy(update={"inboxes": tuple(filled)})


def _home(variable: str, below: str) -> Path:
    """A folder of the XDG specification, by which a relative one is to be ignored."""
    path = os.environ.get(variable, "")
    if not os.path.isabs(path):
        path = os.path.join(os.path.expanduser("~"), below)
    if not os.path.isabs(path):
        raise HomelessError(f"you have no home folder; set {variable} to one that is yours")
    return Path(path)
