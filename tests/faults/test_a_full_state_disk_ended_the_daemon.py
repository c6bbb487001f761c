"""The disk of the state folder filled up, and the daemon ended with SQLite's traceback.

systemd started it five times in half a minute, each time in vain, and then gave up: the photos
of the night waited for somebody to come, although the disk had room again a minute later.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.house import Checks, House, until
from faults.pictures import valid


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house whose state folder is a small disk of its own."""
    state = tmp_path / "house" / "state"
    state.mkdir(parents=True)
    words = ["mount", "-t", "tmpfs", "-o", "size=16m", "nobgd-test", str(state)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    made = House(tmp_path / "house", tmp_path / "cache", workers={"count": 1})
    yield made
    made.kill()
    subprocess.run(["umount", "-l", str(state)], check=True)


def fill(house: House) -> Path:
    """Use up what is left of the state folder's disk."""
    filler = house.state / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler


def test_it_waits_and_goes_on_by_itself(house: House) -> None:
    """Nothing is lost or done twice, the process is the same, and the log says both."""
    house.start()
    checks = Checks(house)
    pid = house.process.pid if house.process else 0
    dropped = {}

    def drop(name: str, number: int) -> None:
        data = valid(number)
        (house.inbox / name).write_bytes(data)
        dropped[name] = ""

    drop("before.jpg", 1)
    assert house.await_ends(["before.jpg"], 60) == []
    filler = fill(house)
    for number in range(40):  # the ledger's log has some room of its own left
        drop(f"{number}.jpg", number % 4 + 2)  # the same bytes again cost no inference
    until(lambda: house.listen().events["state.lost"], 60, "the daemon meets the full disk")
    assert not house.dead()
    assert "ledger.sqlite3" in house.last["state.lost"]["why"]
    filler.unlink()
    until(lambda: house.listen().events["state.back"], 90, "it notices that there is room")
    assert house.await_ends(dropped, 60) == []
    assert set(house.done.values()) == {1}, house.done
    assert house.process is not None
    assert house.process.pid == pid
    assert checks.violations(dropped) == []
    house.stop()
    assert house.process.returncode == 0


def test_it_can_be_stopped_while_it_waits(house: House) -> None:
    """SIGTERM ends it at once, with exit code 0."""
    house.start()
    fill(house)
    for number in range(40):
        (house.inbox / f"{number}.jpg").write_bytes(valid(number))
    until(lambda: house.listen().events["state.lost"], 60, "the daemon meets the full disk")
    house.stop()
    assert house.process is not None
    assert house.process.returncode == 0
