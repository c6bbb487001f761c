"""Folders of ours that were never there."""

from __future__ import annotations

from pathlib import Path

from nobgd.supervisor.folders import make_folders


def test_folders_are_made_where_their_parent_is(tmp_path: Path) -> None:
    """A missing parent is a missing mount: nothing is made below it."""
    make_folders([str(tmp_path / "a"), str(tmp_path / "none/b"), str(tmp_path / "a")])
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
