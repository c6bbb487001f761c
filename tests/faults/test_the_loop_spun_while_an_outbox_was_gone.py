"""While an outbox was gone and a next try was due, the loop turned a hundred times a second.

The time of a retry that could not be begun lay in the past, and was taken for the time to wake.
The same held for an inbox that was paused, one in its quiet hours, and a house full of work.
"""

from __future__ import annotations

import time
from pathlib import Path

from faults.house import House, until
from faults.pictures import valid

_WATCHED_S = 6.0
_TURNS_A_SECOND = 25.0  # scanners, probes and the tick of a second wake it, a spin does a hundred


def turns(house: House) -> int:
    """How often the main thread has gone to sleep."""
    assert house.process is not None
    status = Path(f"/proc/{house.process.pid}/task/{house.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line[:9] == "voluntary")


def test_the_loop_sleeps_until_the_outbox_is_back(tmp_path: Path) -> None:
    """And wakes when it is: the photo is done."""
    with House(tmp_path / "house", tmp_path / "cache") as house:
        (house.inbox / "a.jpg").write_bytes(valid(1))
        assert house.await_ends(["a.jpg"], 60) == []
        house.outbox.rename(house.root / "outside" / "away")
        (house.inbox / "b.jpg").write_bytes(valid(2))
        until(lambda: house.listen().events["outbox.lost"], 60, "the outbox is lost")
        time.sleep(1.0)  # another process: let it come to rest
        before, began = turns(house), time.monotonic()
        time.sleep(_WATCHED_S)
        rate = (turns(house) - before) / (time.monotonic() - began)
        assert rate < _TURNS_A_SECOND
        (house.root / "outside" / "away").rename(house.outbox)
        assert house.await_ends(["b.jpg"], 120) == []
