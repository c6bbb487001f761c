"""How many lanes there are where nobody says how many."""

from __future__ import annotations

from pathlib import Path

import pytest

from nobgd import config
from nobgd.fs import mounts
from nobgd.pool import engine
from nobgd.values.mount import Mount


@pytest.mark.parametrize(
    ("fstype", "cores", "lanes"),
    [("ext4", 1, 2), ("ext4", 2, 4), ("ext4", 16, 20), ("nfs4", 2, 6), ("fuse.shfs", 16, 24)],
)
def test_more_wait_for_a_share_than_for_a_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fstype: str, cores: int, lanes: int
) -> None:
    """While so many others infer; memory has room here."""
    rules = config.parse(
        "{state_dir: s, cache_dir: c, inboxes: [{path: in, outbox: out}]}", "f", tmp_path
    )

    def above(path: str) -> Mount:
        return Mount(1, 2, "/", fstype if path.endswith("out") else "ext4", "")

    monkeypatch.setattr(engine, "cores", lambda: cores)
    monkeypatch.setattr(engine, "fitting", lambda lanes, infer, *_, **__: (lanes, infer))
    monkeypatch.setattr(mounts, "above", above)
    assert engine.sizes(rules).lanes == lanes
