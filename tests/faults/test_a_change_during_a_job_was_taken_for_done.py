"""A photo that was changed while its old bytes were in a lane got a second job at once.

The old job ended last: its cut-out lay over the new one, and the ledger had the new file's size
and time with the old bytes' checksum, so the new bytes were never worked on again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faults.house import Checks, House, until
from faults.pictures import valid


def large() -> bytes:
    """A JPEG that keeps a lane busy for a second or more."""
    noise = np.random.default_rng(4).integers(0, 255, (3000, 4500, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def status(house: House) -> dict[str, Any]:
    words = [sys.executable, "-m", "nobgd", "status", "--json", "-c", str(house.config)]
    run = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("kill", [False, True], ids=["left alone", "killed after the old job"])
def test_the_new_bytes_win(tmp_path: Path, kill: bool) -> None:
    """The old bytes get no cut-out any more; the new ones do, and it stays."""
    old, new = large(), valid(4)
    with House(tmp_path / "house", tmp_path / "cache", workers={"count": 2}) as house:
        checks = Checks(house)
        (house.inbox / "a.jpg").write_bytes(old)
        until(lambda: status(house)["working"] == 1, 60, "the old bytes are in a lane")
        (house.inbox / ".new").write_bytes(new)
        os.rename(house.inbox / ".new", house.inbox / "a.jpg")
        digests = [hashlib.sha256(data).hexdigest() for data in (old, new)]
        source = house.path("a.jpg")
        if kill:
            until(lambda: status(house)["working"] == 0, 60, "the old job ends")
            house.kill()
            house.start()
        until(lambda: house.listen().versions[source, digests[1]], 60, "the new bytes are done")
        until(lambda: status(house)["working"] == 0, 60, "nothing is in a lane")
        assert checks.violations({"a.jpg": digests[1]}) == []
        assert [name for name in os.listdir(house.outbox) if "a" in name] == ["a_nobg.png"]
