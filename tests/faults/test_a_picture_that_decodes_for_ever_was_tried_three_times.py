"""A picture made to be decoded for minutes held a lane until its deadline, three times over.

How long decoding takes is bounded by the picture's size, so what is not decoded by then never
will be: the deadline was called the lane's fault, and each such file cost three of them.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

from faults.house import House, until
from faults.pictures import valid


def slow() -> bytes:
    """A progressive JPEG of 100 megapixels whose last scan comes 400 times."""
    pixels = np.zeros((10_000, 10_000), np.uint8)
    pixels[::64, ::64] = 255
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=90, progressive=True)
    data = stream.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 400 + data[-2:]


def test_it_is_set_aside_at_its_first_deadline(tmp_path: Path) -> None:
    """Its sentence speaks of the picture, and the next photo is done."""
    workers = {"count": 1, "deadline_s": 3}
    with House(tmp_path / "house", tmp_path / "cache", workers=workers) as house:
        (house.inbox / ".slow").write_bytes(slow())
        os.rename(house.inbox / ".slow", house.inbox / "slow.jpg")
        until(lambda: house.listen().ends.get(house.path("slow.jpg")), 60, "it is set aside")
        told = house.last["photo.quarantined"]
        assert (told["code"], told["attempt"]) == ("deadline", 1)
        assert "export it again" in told["reason"]
        assert house.events["photo.failed"] == 0
        (house.inbox / "a.jpg").write_bytes(valid(1))
        until(lambda: house.listen().done[house.path("a.jpg")], 60, "the next photo is done")
