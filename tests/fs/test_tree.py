"""Folders below a root: no link is followed, no other mount entered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nobgd.fs import mounts, tree
from nobgd.values import Code, NobgdError


def test_a_link_in_the_outbox_is_not_followed(tmp_path: Path) -> None:
    """A sub-folder swapped for a link does not lead out."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NobgdError) as caught, tree.within(str(tmp_path / "out"), ["sub"]):
        pass
    assert caught.value.code is Code.NAME_TAKEN
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_another_mount_is_not_written_to(tmp_path: Path) -> None:
    """A root on another mount than at start is refused."""
    left = replace(mounts.identify(str(tmp_path)), mountpoint="/gone", mount_id=0)
    with pytest.raises(NobgdError) as caught, tree.within(str(tmp_path), mount=left):
        pass
    assert caught.value.code is Code.GONE_AWAY


def test_a_missing_outbox_is_the_places_fault(tmp_path: Path) -> None:
    """It is not made here."""
    with (
        pytest.raises(NobgdError, match="is missing") as caught,
        tree.within(str(tmp_path / "gone")),
    ):
        pass
    assert caught.value.code is Code.GONE_AWAY
