"""The state folder: made, locked, refused with a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nobgd.supervisor import state_folder


def test_the_lock_is_ours_alone_and_ends_with_us(tmp_path: Path) -> None:
    """A second one is told who has it; once it is given back, the next may."""
    first = state_folder.claim(tmp_path / "state", tmp_path / "cache")
    said = rf"another nobgd \(pid {os.getpid()}\) already"
    with pytest.raises(state_folder.StateError, match=said):
        state_folder.claim(tmp_path / "state", tmp_path / "cache")
    first.ledger.close()
    first.close()
    again = state_folder.claim(tmp_path / "state", tmp_path / "cache")
    again.ledger.close()
    again.close()


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    """It names the folder and the way out."""
    (tmp_path / "file").touch()
    said = r"file/state: cannot be made .*; set state_dir"
    with pytest.raises(state_folder.StateError, match=said):
        state_folder.claim(tmp_path / "file/state", tmp_path / "cache")


def test_a_damaged_ledger_is_a_sentence(tmp_path: Path) -> None:
    """Moved away, everything is found again; the lock is given back."""
    (tmp_path / "ledger.sqlite3").write_bytes(b"this is no database" * 1000)
    with pytest.raises(state_folder.StateError, match="move it away to start afresh"):
        state_folder.claim(tmp_path, tmp_path / "cache")
    (tmp_path / "ledger.sqlite3").unlink()
    fresh = state_folder.claim(tmp_path, tmp_path / "cache")
    fresh.ledger.close()
    fresh.close()
