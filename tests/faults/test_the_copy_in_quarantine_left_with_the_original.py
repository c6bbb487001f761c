"""Who tidied the inbox "because a copy is in quarantine" lost both: the copy left, too.

And whoever may drop files could fill the disk of the ledger with such copies.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from faults.house import House, until

BAD = b"\0\0\0\x18ftypheic" + bytes(2000)


def why(house: House, name: str) -> str:
    words = [sys.executable, "-m", "nobgd", "why", "-c", str(house.config), house.path(name)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout


def test_it_stays_until_the_photo_is_done_or_tried_again(tmp_path: Path) -> None:
    """Over a restart and another photo of that name; a retry leaves what is the last copy."""
    with House(tmp_path / "house", tmp_path / "cache", quarantine_limit="20KB") as house:
        aside = house.state / "quarantine/in"
        (house.inbox / "a.jpg").write_bytes(BAD)
        assert house.await_ends(["a.jpg"], 60) == []
        until(lambda: (aside / "a.jpg").exists(), 30, "a copy is made")
        until(lambda: "a copy is in" in why(house, "a.jpg"), 10, "why says so")
        (house.inbox / "a.jpg").unlink()
        until(lambda: "has left the inbox" in why(house, "a.jpg"), 30, "it is seen to be gone")
        assert (aside / "a.jpg").read_bytes() == BAD
        words = [sys.executable, "-m", "nobgd", "retry", "-c", str(house.config)]
        words.append(house.path("a.jpg"))
        subprocess.run(words, check=True, capture_output=True, timeout=60)
        house.forget()
        (house.inbox / "a.jpg").write_bytes(BAD + b"another")
        assert house.await_ends(["a.jpg"], 60) == []
        until(lambda: (aside / "a-1.jpg").exists(), 30, "another copy is made")
        assert (aside / "a.jpg").read_bytes() == BAD
        for number in range(4):  # 20 KB on disk, in blocks of 4, hold no more
            (house.inbox / f"{number}.jpg").write_bytes(BAD + b"%d" % number)
        assert house.await_ends([f"{number}.jpg" for number in range(4)], 60) == []
        until(lambda: house.listen().events["photo.not_set_aside"] == 4, 30, "that is said")
        assert "no copy is in" in why(house, "0.jpg")
        assert (aside / "0.jpg.why.txt").exists()
    copies = [name for name in os.listdir(aside) if not name.endswith(".why.txt")]
    assert sorted(copies) == ["a-1.jpg", "a.jpg"]
    assert json.loads(house.config.read_text())["quarantine_limit"] == "20KB"
