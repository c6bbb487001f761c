"""The state folder: on local disk, ours alone while we run.

The lock is ``<state_dir>/lock``, see `fs.lock`.  Who changes something in the ledger holds it:
the daemon as long as it runs, a verb for a moment where no daemon does.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nobgd.fs import lock, mounts
from nobgd.jobs.ledger import Ledger

MOVE_AWAY = "move it away to start afresh: finished outputs are recognised and not made again"
_LOOK_S = 1.0  # a verb may hold the lock for a moment, or look at whether anybody does
_ROOM_BYTES = 200_000  # that must fit before work begins again, or the next photo fails anew


class StateError(Exception):
    """The state folder cannot be used; one sentence, exit code 3."""


class StateLost(Exception):  # noqa: N818 - a state
    """The ledger failed while it was in use (a full disk, EIO); the sentence says how.

    ``stopping`` tells whether the service whose ledger it was had been asked to stop.
    """

    def __init__(self, why: str, stopping: Callable[[], bool]) -> None:
        super().__init__(why)
        self.stopping = stopping


@dataclass(slots=True)
class State:
    """An open, locked state folder."""

    ledger: Ledger
    lock: int

    def close(self) -> None:
        """Give the lock back."""
        os.close(self.lock)


def claim(state_dir: Path, cache_dir: Path) -> State:
    """Make the folders, take the lock, open the ledger.  Raises `StateError`."""
    for folder in (state_dir, cache_dir):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        except OSError as error:
            raise StateError(
                f"{folder}: cannot be made ({error.strerror}); set state_dir and cache_dir to"
                " folders this user may write to"
            ) from None
    mount = mounts.identify(str(state_dir))
    if mount.network:
        raise StateError(
            f"{state_dir} is on {mount.fstype}, where locks and SQLite are not safe;"
            " set state_dir to a folder on a local disk"
        )
    try:
        held = lock.take(state_dir / "lock", _LOOK_S)
    except OSError as error:
        raise StateError(f"{state_dir}/lock: {error.strerror}; check its owner and mode") from None
    if held is None:
        owner = lock.holder(state_dir / "lock") or "unknown"
        raise StateError(
            f"another nobgd (pid {owner}) already uses {state_dir};"
            " stop it, or give this one a state_dir of its own"
        )
    try:
        return State(open_ledger(state_dir), held)
    except sqlite3.DatabaseError as error:
        os.close(held)
        raise StateError(f"{state_dir}/ledger.sqlite3: {error}; {MOVE_AWAY}") from None


def open_ledger(state_dir: Path) -> Ledger:
    """The ledger of a state folder."""
    return Ledger(str(state_dir / "ledger.sqlite3"), time.time)


def reopen(state_dir: Path) -> Ledger:
    """The ledger, opened anew and shown to take writes.  Raises sqlite3.Error or OSError."""
    ledger = open_ledger(state_dir)
    try:
        ledger.remember("written", "x" * _ROOM_BYTES)
        ledger.commit()
        ledger.remember("written", None)
        ledger.commit()
    except BaseException:
        ledger.close()
        raise
    return ledger
