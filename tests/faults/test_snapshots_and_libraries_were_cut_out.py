"""Folders of a NAS or of a program that hold copies were taken for drops.

A NAS's snapshots bring every photo once more for each of them, and a library or catalogue brings
thousands of previews and edits.  Of what a person may have meant for photos the log says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from faults.house import House
from faults.pictures import valid

COPIES = (
    "#snapshot/GMT-01/Photos", "@Recently-Snapshot/GMT+01_2026/x", "~snapshot/daily.0", "#recycle",
    "Pictures.photoslibrary/resources/derivatives", "2024/Cat Previews.lrdata/0", "x.aplibrary/M",
    "a.cocatalog/Cache", "2024/CaptureOne/Cache/Thumbnails", "f.FCPBUNDLE/a", "_gsdata_/b",
    "RECYCLER/S-1", ".picasaoriginals", "photo.jpg.download", "@GMT-2026.01.01-00.00.00/a",
)  # fmt: skip


def test_copies_are_left_alone_and_the_photo_beside_them_is_done(tmp_path: Path) -> None:
    """One photo of many files; a folder #work is named in the log, and a line brings it back."""
    inbox = {"ignore": ["!@home/", "*.tif", "!keep.tif"]}
    with House(tmp_path / "house", tmp_path / "cache", inbox=inbox) as house:
        for folder in (*COPIES, "#work", "@home", "2024"):
            os.makedirs(house.inbox / folder, exist_ok=True)
            (house.inbox / folder / "a.jpg").write_bytes(valid(1))
        for name in ("SCAN.TIF", "KEEP.TIF"):
            (house.inbox / "2024" / name).write_bytes(valid(1))
        wanted = ["2024/a.jpg", "@home/a.jpg", "2024/KEEP.TIF"]
        assert house.await_ends([*wanted, "#work"], 60) == []
        _later(house)
        assert {s for s, end in house.ends.items() if end == "photo.done"} == {
            house.path(each) for each in wanted
        }
        assert {s for s, end in house.ends.items() if end == "photo.skipped"} == {
            house.path("#work")
        }
        assert r"'!\#work/'" in house.last["photo.skipped"]["reason"]
        for name, rule in (("2024/SCAN.TIF", "*.tif"), ("#recycle/a.jpg", "#recycle")):
            assert f"matches the rule {rule} " in _why(house, name)


def _later(house: House) -> None:
    """What is dropped last is done after all that lay there before has settled."""
    for name in ("late-1.jpg", "late-2.jpg"):
        (house.inbox / name).write_bytes(valid(2))
        assert house.await_ends([name], 60) == []
        house.ends.pop(house.path(name))


def _why(house: House, name: str) -> str:
    words = [sys.executable, "-m", "nobgd", "why", "-c", str(house.config), house.path(name)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
