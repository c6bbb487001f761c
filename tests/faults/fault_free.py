"""What a photo becomes where nothing ever goes wrong: a run of `nobgd once` of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from faults.house import House
from faults.outputs import apart, without_note


class FaultFree:
    """An inbox and an outbox that no fault is done to."""

    def __init__(self, root: Path, cache: Path) -> None:
        shutil.rmtree(root, ignore_errors=True)
        self._house = House(root, cache, workers={"count": 1})

    def picture(self, name: str, data: bytes) -> bytes:
        """The output of these bytes, without its note."""
        (self._house.inbox / name).write_bytes(data)
        words = [sys.executable, "-m", "nobgd", "once", "-c", str(self._house.config)]
        subprocess.run(words, capture_output=True, timeout=120, check=True)
        (self._house.inbox / name).unlink()
        output = self._house.outbox / f"{Path(name).stem}_nobg.png"
        made = without_note(output.read_bytes())
        output.unlink()
        return made

    def differs(self, house: House, name: str) -> list[str]:
        """I2: whether a house's output of ``name`` is the fault-free one; what is not as it is."""
        data = (house.inbox / name).read_bytes()
        output = house.outputs[house.path(name)]
        with open(output, "rb") as stream:
            made = without_note(stream.read())
        if (how := apart(self.picture(name, data), made)) is None:
            return []
        which = json.dumps(output)
        return [f"I2: {which} differs from the output of a run without faults {how}"]
