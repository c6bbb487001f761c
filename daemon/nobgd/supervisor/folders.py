"""Folders of ours that were never there are made; a missing one that was is an unmounted share."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

from nobgd.config import Config, webbing
from nobgd.fs import mounts, reach
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.probing import seen

_MAKE_WITHIN_S = 1.0  # a share that hangs must not hang the start


def make_missing(config: Config, ledger: Ledger) -> None:
    """Make what a configuration writes to, where it was never seen.

    The quarantines in the state folder lie on its disk, which is there.
    """
    own = config.state_dir / "quarantine"
    missing = [str(own), *map(str, webbing.folders(config))]
    for each in config.inboxes:
        missing += [
            str(folder)
            for folder in (each.outbox, each.archive, each.quarantine)
            if folder is not None and (own in folder.parents or ledger.fact(seen(folder)) is None)
        ]
    make_folders(missing)


def make_folders(missing: Iterable[str]) -> None:
    """Make folders of ours that were never there; their parents must exist.

    Lanes cannot: they are confined to folders that exist when they start.  What cannot be
    made is left, and said when it is needed.
    """
    by_depth: dict[int, list[str]] = {}
    for path in missing:  # one may lie in another
        by_depth.setdefault(path.count("/"), []).append(path)
    for depth in sorted(by_depth):
        reach.each(by_depth[depth], _make, _MAKE_WITHIN_S)


def _make(path: str) -> None:
    with contextlib.suppress(OSError):
        if mounts.unmounted(path) is None:  # else it would lie below a bare mount point
            os.mkdir(path)
