"""Outlive a state folder that fails: its disk is full, or broken for a while.

A service whose ledger failed is thrown away as if it had been killed, lanes and all, and a new
one is made when the ledger takes writes again: what a crash leaves is what the next start finds
anyway, so there is no second way of recovering that could be wrong.
"""

from __future__ import annotations

import queue
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nobgd.jobs.ledger import Ledger
from nobgd.jobs.plan import backoff_s
from nobgd.record.log import Log
from nobgd.supervisor import signals
from nobgd.supervisor import state_folder as states
from nobgd.supervisor.signals import Stop
from nobgd.systemd import notify

_FIRST_S, _LONGEST_S = 1.0, 60.0  # between two looks
_BEAT_S = 1.0  # of the watchdog, at most


def endure(state: states.State, state_dir: Path, log: Log, serve: Callable[[], int]) -> int:
    """Call ``serve`` until it returns; after a `StateLost` again, with a new ``state.ledger``.

    0 when it was asked to stop while it waited.
    """
    say = log.bound()
    tries = 0
    while True:
        began = time.monotonic()
        try:
            return serve()
        except states.StateLost as lost:
            say.error("state.lost", why=str(lost))
            notify.status(f"waiting: {lost}")
            mailbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
            signals.listen(mailbox.put)
            if lost.stopping():
                return 0
        lived_s = time.monotonic() - began
        tries = 1 if lived_s > _LONGEST_S else tries + 1  # what fails again at once waits longer
        ledger = _wait(state_dir, mailbox, tries)
        if ledger is None:
            return 0
        state.ledger = ledger
        say.info("state.back")


def _wait(state_dir: Path, mailbox: queue.SimpleQueue[Any], tries: int) -> Ledger | None:
    """The ledger, when it takes writes again; None when asked to stop before."""
    due = time.monotonic() + backoff_s(tries, first_s=_FIRST_S, longest_s=_LONGEST_S)
    while True:
        notify.watchdog()
        try:
            if isinstance(mailbox.get(timeout=_BEAT_S), Stop):
                return None
        except queue.Empty:
            pass
        if time.monotonic() < due:
            continue
        try:
            return states.reopen(state_dir)
        except (sqlite3.Error, OSError):
            tries += 1
            due = time.monotonic() + backoff_s(tries, first_s=_FIRST_S, longest_s=_LONGEST_S)
