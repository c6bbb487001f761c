"""Temps that a crash left."""

from __future__ import annotations

import fcntl
from pathlib import Path

from nobgd.fs import sweeping


def test_a_sweep_removes_dead_temps_and_keeps_live_ones(tmp_path: Path) -> None:
    """A temp that is locked belongs to a living lane, perhaps of another daemon."""
    (tmp_path / "sub").mkdir()
    dead = tmp_path / "sub/.nobgd-00.tmp"
    live = tmp_path / ".nobgd-11.tmp"
    other = tmp_path / ".hidden"
    for path in (dead, live, other):
        path.write_bytes(b"x")
    with live.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert sweeping.sweep(str(tmp_path)) == 1
    assert not dead.exists()
    assert live.exists()
    assert other.exists()
