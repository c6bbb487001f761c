"""A ledger that fails: what waiting can mend is waited for, what it cannot is said."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nobgd import config
from nobgd.cli import common
from nobgd.supervisor.state_folder import StateLost


class Failing:
    """A service whose ledger fails as soon as it works."""

    def __init__(self, folder: Path, error: Exception) -> None:
        text = "state_dir: state\ncache_dir: cache\ninboxes: [{path: in, outbox: out}]"
        self.config = config.parse(text, "f.yaml", folder)
        self._error = error
        self.loop = SimpleNamespace(asked_to_stop=lambda: False)

    def start(self) -> None:
        """All is well so far."""

    def run(self) -> int:
        raise self._error


def test_a_full_disk_is_worth_waiting_for(tmp_path: Path) -> None:
    """So is an I/O error: the sentence names the ledger."""
    service: Any = Failing(tmp_path, sqlite3.OperationalError("database or disk is full"))
    with pytest.raises(StateLost, match=r"ledger\.sqlite3: database or disk is full"):
        common.serve(service)


def test_a_damaged_ledger_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would fail for ever: exit 3, and the way out in one line."""
    service: Any = Failing(tmp_path, sqlite3.DatabaseError("database disk image is malformed"))
    assert common.serve(service) == common.ENVIRONMENT
    (line,) = capsys.readouterr().err.splitlines()
    assert "malformed; move it away" in line
