"""A film of 3 GB called .jpg was read whole, twice in memory, before its first bytes counted."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from faults.house import House, children, until
from faults.pictures import valid

GIB = 1 << 30


def heads() -> dict[str, bytes]:
    """How files of 3 GB begin."""
    pixels = np.random.default_rng(1).integers(0, 255, (300, 400, 3), dtype=np.uint8)

    def saved(kind: str, **options: object) -> bytes:
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, kind, **options)
        return out.getvalue()

    png, webp = saved("PNG"), saved("WEBP")
    tags = [
        (256, 4, 1, 20_000), (257, 4, 1, 50_000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 1, 4096), (277, 3, 1, 3), (279, 4, 1, 3_000_000_000),
    ]  # fmt: skip
    tiff = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    return {
        "film.jpg": b"\0\0\0\x18ftypmp42",
        "noise.jpg": os.urandom(1 << 20),
        "zeros.jpg": b"",
        "behind.jpg": saved("JPEG"),
        "chunk.png": png[:33] + struct.pack(">I4s", 3 * GIB - 100, b"prVt"),
        "strips.tif": tiff + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4),
        "lies.webp": webp[:4] + struct.pack("<I", 3 * GIB - 8) + webp[8:],
    }


def peak_kb(house: House) -> list[int]:
    """The largest memory that each lane ever had."""
    assert house.process is not None
    pids = children(house.process.pid)
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]


def test_no_file_is_read_for_its_name(tmp_path: Path) -> None:
    """Each is set aside for what it is, and no lane grew by more than a few megabytes."""
    with House(tmp_path / "house", tmp_path / "cache", workers={"count": 1}) as house:
        (house.inbox / "first.jpg").write_bytes(valid(1))
        until(lambda: house.listen().done[house.path("first.jpg")], 60, "a photo is done")
        before = max(peak_kb(house))
        for name, head in heads().items():
            with (house.outside / name).open("wb") as file:
                file.write(head)
                file.truncate(3 * GIB)
            os.rename(house.outside / name, house.inbox / name)
        ends = house.ends
        until(
            lambda: house.listen() and all(ends.get(house.path(name)) for name in heads()), 60,
            "all are set aside",
        )  # fmt: skip
        assert {ends[house.path(name)] for name in heads()} == {"photo.quarantined"}
        assert {code.split()[1] for code in house.codes} >= {
            "unsupported", "not_a_picture", "truncated", "too_large",
        }  # fmt: skip
        assert max(peak_kb(house)) - before < 30_000
