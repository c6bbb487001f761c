"""What came by the page leaves again after `web.keep_days`, once it is settled; what waits stays.

A thread of the daemon's process: it asks the daemon itself of each old photo and never its ledger.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from nobgd.config import Config, webbing
from nobgd.fs import publish, sweeping
from nobgd.status import control
from nobgd.values import NobgdError
from nobgd.web.ids import inbox_key

_EVERY_S = 3600.0
_FIRST_S = 60.0
_SETTLED = frozenset({"done", "quarantined", "skipped"})


class Keeper:
    """The thread."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._ended = threading.Event()

    def start(self) -> None:
        """Look every hour."""
        if self._config.web is not None:
            threading.Thread(target=self._keep, name="keeper", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    def _keep(self) -> None:
        for folder in (webbing.made, webbing.touches, webbing.sessions):
            with contextlib.suppress(OSError, NobgdError):  # what a kill has left
                sweeping.sweep(str(folder(self._config)))
        pause = _FIRST_S
        while not self._ended.wait(pause):
            with contextlib.suppress(OSError, control.NotRunning, control.Busy):
                tidy(self._config, time.time())
            pause = _EVERY_S


def tidy(config: Config, now: float) -> int:
    """Remove what has been kept for long enough; how many files.  Raises OSError, see `control`."""
    assert config.web is not None  # noqa: S101 - else nobody asks
    before = now - config.web.keep_days * 86_400
    removed = 0
    drop = webbing.drop(config)
    for path in _older(drop, before):
        request = {"do": "photo", "inbox": inbox_key(str(drop)),
                   "relpath": str(path.relative_to(drop))}  # fmt: skip
        told = control.ask(config, request).get("photo")
        if isinstance(told, dict) and told.get("state") in _SETTLED:
            removed += _remove(path)
    for folder in (webbing.out(config), webbing.made(config)):
        removed += sum(_remove(path) for path in _older(folder, before))
    return removed


def _older(folder: Path, before: float) -> Iterator[Path]:
    """Plain files last touched before then; a temporary file is its maker's."""
    for root, _folders, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            with contextlib.suppress(OSError):
                if not publish.is_temp(name) and path.lstat().st_mtime < before:
                    yield path


def _remove(path: Path) -> int:
    with contextlib.suppress(OSError):
        path.unlink()
        with contextlib.suppress(OSError):
            path.parent.rmdir()  # a day's folder, when it is empty
        return 1
    return 0
