"""Who tidied the inbox "because a copy is in quarantine" lost both: the copy left, too.

And whoever may drop files could fill the disk of the ledger with such copies.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faults.house import House, until
from faults.pictures import valid

BAD = b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(2000)


def why(house: House, name: str) -> str:
    words = [sys.executable, "-m", "nobgd", "why", "-c", str(house.config), house.path(name)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout


def test_it_stays_until_the_photo_is_done_or_tried_again(tmp_path: Path) -> None:
    """Over another photo of that name; a retry leaves what is the last copy."""
    with House(tmp_path / "house", tmp_path / "cache") as house:
        aside = house.state / "quarantine/in"
        (house.inbox / "a.jpg").write_bytes(BAD)
        assert house.await_ends(["a.jpg"], 60) == []
        until(lambda: (aside / "a.jpg").exists(), 30, "a copy is made")
        until(lambda: "a copy is in" in why(house, "a.jpg"), 60, "why says so")
        (house.inbox / "a.jpg").unlink()
        time.sleep(5.0)  # another process: it scans every two seconds
        assert (aside / "a.jpg").read_bytes() == BAD
        until(lambda: "has left the inbox" in why(house, "a.jpg"), 30, "it is seen to be gone")
        words = [sys.executable, "-m", "nobgd", "retry", "-c", str(house.config)]
        words.append(house.path("a.jpg"))
        subprocess.run(words, check=True, capture_output=True, timeout=60)
        house.forget()
        (house.inbox / "a.jpg").write_bytes(BAD + b"another")
        assert house.await_ends(["a.jpg"], 60) == []
        until(lambda: (aside / "a-1.jpg").exists(), 30, "another copy is made")
        assert (aside / "a.jpg").read_bytes() == BAD


def test_copies_take_what_their_limit_allows(tmp_path: Path) -> None:
    """What is not copied is said, and has its reason there."""
    with House(tmp_path / "house", tmp_path / "cache", quarantine_limit="20KB") as house:
        aside = house.state / "quarantine/in"
        names = [f"{number}.jpg" for number in range(6)]
        for number, name in enumerate(names):
            (house.inbox / name).write_bytes(BAD + b"%d" % number)
        assert house.await_ends(names, 60) == []

        def copies() -> set[str]:
            return {name for name in os.listdir(aside) if not name.endswith(".why.txt")}

        until(
            lambda: len(copies()) + house.listen().events["photo.not_set_aside"] == 6, 30,
            "each has a copy or is said to have none",
        )  # fmt: skip
        assert 1 <= house.events["photo.not_set_aside"] <= 4
        (missing, *_) = sorted(set(names) - copies())
        assert "no copy is in" in why(house, missing)
        assert (aside / f"{missing}.why.txt").exists()


def test_copies_leave_room_for_the_ledger(tmp_path: Path) -> None:
    """On a small disk of its own: nothing is lost with it, and a photo is done afterwards."""
    house = House(tmp_path / "house", tmp_path / "cache")
    house.state.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64m", "nobgd-test", str(house.state)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    try:
        with house:
            names = [f"{number}.jpg" for number in range(12)]
            for number, name in enumerate(names):
                (house.inbox / name).write_bytes(BAD + b"%d" % number + bytes(8_000_000))
            small = [f"small{number}.jpg" for number in range(120)]
            for number, name in enumerate(small):
                (house.inbox / name).write_bytes(BAD + b"%d" % number + bytes(100_000))
            assert house.await_ends([*names, *small], 120) == []
            time.sleep(3.0)  # another process: copies are made after that
            disk = os.statvfs(house.state)
            assert disk.f_bavail > disk.f_blocks // 50
            (house.inbox / "good.jpg").write_bytes(valid(1))
            assert house.await_ends(["good.jpg"], 60) == []
            assert house.listen().events["state.lost"] == 0
    finally:
        house.kill()
        subprocess.run(["umount", "-l", str(house.state)], check=True)
