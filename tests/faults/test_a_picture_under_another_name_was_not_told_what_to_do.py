"""A JPEG called .mpo, .psd or nothing at all was "not named like a photo", and that was all.

Whoever dropped it saw a picture in every viewer, and was not told that its name is what is wrong.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from faults.house import House
from faults.pictures import corpus, valid

NAMES = ("stereo.mpo", "IMG_1.PSD", "scan", "2024/holiday.jpg_large", "a.png.old")


def test_the_log_says_what_to_call_it_and_then_it_is_done(tmp_path: Path) -> None:
    """Once, over a restart; of what is no picture it says so; renamed as told, it is done."""
    png = next(data for kind, data in corpus() if kind == "PNG")
    with House(tmp_path / "house", tmp_path / "cache") as house:
        (house.inbox / "2024").mkdir()
        for name in NAMES:
            (house.inbox / name).write_bytes(png if ".png" in name else valid(1))
        (house.inbox / "notes.txt").write_text("hello")
        (house.inbox / "logo.jxl").write_bytes(b"\xff\x0a" + bytes(100))
        assert house.await_ends([*NAMES, "notes.txt", "logo.jxl"], 60) == []
        said = _said(house)
        for name in NAMES:
            kind, extension = ("PNG", ".png") if ".png" in name else ("JPEG", ".jpg")
            assert f"is a {kind} by its content; call it {extension}" in said[house.path(name)]
        assert "not named like a photo" in said[house.path("notes.txt")]
        assert "is a JPEG XL file" in said[house.path("logo.jxl")]
        assert "call it .jpg" in _why(house, "scan")
        os.rename(house.inbox / "stereo.mpo", house.inbox / "stereo.jpg")
        assert house.await_ends(["stereo.jpg"], 60) == []
        assert house.ends[house.path("stereo.jpg")] == "photo.done"
        house.stop()
        told = house.events["photo.skipped"]
        house.start()
        (house.inbox / "last.jpg").write_bytes(valid(2))
        assert house.await_ends(["last.jpg"], 60) == []
        assert house.listen().events["photo.skipped"] == told


def _said(house: House) -> dict[str, str]:
    lines = [json.loads(line) for line in house.log.read_text().splitlines()]
    return {e["source"]: e["reason"] for e in lines if e["event"] == "photo.skipped"}


def _why(house: House, name: str) -> str:
    words = [sys.executable, "-m", "nobgd", "why", "-c", str(house.config), house.path(name)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
