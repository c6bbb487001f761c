"""A cut-out that was found finished was said to be done without an fsync of it and its folder.

It is found after a kill between the rename and the fsync of the folder: a power cut soon after
the log line took the cut-out away, and the ledger kept it from being made again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.pictures import valid
from faults.rows import power_cut
from nobgd.picture import provenance


@pytest.fixture
def site(tmp_path: Path) -> Iterator[power_cut.Site]:
    """A daemon that is not started yet, on an ext4 of its own."""
    if (why := power_cut.missing()) is not None:
        pytest.skip(why)
    found = power_cut.Site(tmp_path / "site", tmp_path / "cache", "data=ordered")
    yield found
    found.close()


def test_what_is_found_outlives_a_cut(site: power_cut.Site, tmp_path: Path) -> None:
    """Once the log has said that it is there, it stays."""
    site.drop("a.jpg", valid(4))
    with site.house as house:
        assert house.await_ends(["a.jpg"], 60) == []
        house.stop()
    made = shutil.move(site.house.outbox / "a_nobg.png", tmp_path)
    shutil.rmtree(site.house.state)
    os.sync()
    shutil.copy(made, site.house.outbox)
    site.house.ends.clear()
    with site.house as house:
        assert house.await_ends(["a.jpg"], 60) == []
        site.cut()
    with (site.house.outbox / "a_nobg.png").open("rb") as stream:
        assert provenance.whole(stream)
