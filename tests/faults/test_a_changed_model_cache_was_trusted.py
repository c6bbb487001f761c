"""A third of the weights in the cache were negated, and the daemon made other cut-outs of them.

Whoever captured one lane once would have changed all cut-outs after it, over restarts; so would
a bad sector.  What is made of a model has checksums now, and lanes may only read it.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from faults.house import House, until

PHOTOS = Path(__file__).parents[2] / "models/calibration"
ENGINES = ["onnxruntime", "ncnn"]
FILES = {"onnxruntime": "model.weights", "ncnn": "model.bin"}


def cut_out(house: House, name: str, data: bytes) -> bytes:
    """The pixels' part of the PNG that a photo becomes."""
    (house.inbox / name).write_bytes(data)
    output = house.outbox / f"{Path(name).stem}_nobg.png"
    until(output.exists, 120, f"{name} is done")
    whole = output.read_bytes()
    return whole[whole.index(b"IDAT") :]


def spoil(file: Path) -> None:
    """Negate a third of the weights, size and time as before."""
    before = file.stat()
    weights = np.fromfile(file, dtype="<f4")
    weights[: len(weights) // 3] *= -1
    weights.tofile(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("engine", ENGINES)
def test_it_is_thrown_away_and_made_anew(tmp_path: Path, engine: str) -> None:
    """At the next start, said once for all lanes; the cut-out is the same."""
    if engine == "ncnn":
        pytest.importorskip("ncnn")
    cache, data = tmp_path / "cache", next(iter(sorted(PHOTOS.glob("*.jpg")))).read_bytes()
    house = House(tmp_path / "house", cache, workers={"count": 2, "engine": engine})
    with house:
        expected = cut_out(house, "before.jpg", data)
        house.stop()
    (file,) = cache.glob(f"*/{FILES[engine]}")
    sound = file.read_bytes()
    spoil(file)
    assert file.read_bytes() != sound
    (house.outbox / "before_nobg.png").unlink()
    (house.inbox / "before.jpg").unlink()
    with house:
        assert cut_out(house, "after.jpg", data) == expected
        house.stop()
    (file,) = cache.glob(f"*/{FILES[engine]}")
    assert file.read_bytes() == sound
    assert house.listen().events["cache.altered"] == 1
