"""A photo whose name the outbox's disk does not take ended in quarantine as an internal error.

Three attempts, and a sentence that named the outbox and not the reason: `10:30.jpg` with an outbox
on a disk of Windows, a name that is no UTF-8 on one that wants it, a long one on an encrypted one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.house import Checks, House, sha256, until
from faults.pictures import valid
from faults.rows import errno_matrix
from fs import disks

NAMES = (
    "10:30.jpg", "10:30.png.jpg", "what?*.jpg", "trail./a.jpg", "2024: summer/may?/b|c.jpg",
    "aux/CON.jpg", "new\nline.jpg", os.fsdecode(b"latin \xe9.jpg"), "é.jpg", "x" * 200 + ".jpg",
    "plain.jpg",
)  # fmt: skip


@contextlib.contextmanager
def _disk(kind: str, root: Path) -> Iterator[Path]:
    try:
        with disks.mounted(kind, root) as point:
            yield point
    except disks.MissingError as missing:
        pytest.skip(str(missing))


@contextlib.contextmanager
def _fuse(names: str, number: int, root: Path) -> Iterator[Path]:
    why = errno_matrix.missing()
    if why is not None:
        pytest.skip(why)
    from faults.faulty import Mount

    mount = Mount(root / "below", root / "disk")
    try:
        mount.refuse(names, number)
        yield mount.point
    finally:
        mount.close()


def _drop(house: House) -> dict[str, str]:
    inputs = {}
    for number, name in enumerate(NAMES):
        path = house.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(valid(number % 5))
        inputs[name] = sha256(path)
    return inputs


def _all_are_done(root: Path, out: Path) -> House:
    """Every photo is done once, what is renamed is said, and nothing is done again."""
    with House(root / "house", root / "cache", inbox={"outbox": str(out)}) as house:
        house.outbox = out
        checks = Checks(house)
        inputs = _drop(house)
        assert house.await_ends(inputs, 100) == []
        assert checks.violations(inputs) == []
        assert set(house.ends.values()) == {"photo.done"}, house.codes
        assert len(set(house.outputs.values())) == len(NAMES)
        assert house.outputs[house.path("plain.jpg")] == str(out / "plain_nobg.png")
        (house.inbox / "10:30.jpg").write_bytes(valid(77))  # changed: its own cut-out is replaced
        again = {"10:30.jpg": sha256(house.inbox / "10:30.jpg")}
        before = house.outputs[house.path("10:30.jpg")]
        assert house.await_versions(again, 60) == []
        assert house.outputs[house.path("10:30.jpg")] == before
        said = _why(house, "10:30.jpg")
        house.stop()
        shutil.rmtree(house.state)  # what is there is found again without a ledger
        told = house.done.total()
        house.start()
        until(lambda: house.listen().events["photo.skipped"] >= len(NAMES), 100, "all are found")
        assert house.listen().done.total() == told
    assert not any("_nobg" not in name for _, _, files in os.walk(out) for name in files)
    assert f"done as {before}" in said
    return house


def _why(house: House, name: str) -> str:
    words = [sys.executable, "-m", "nobgd", "why", "-c", str(house.config), house.path(name)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("kind", disks.KINDS)
@pytest.mark.timeout(300)
def test_on_a_real_disk(tmp_path: Path, kind: str) -> None:
    """NTFS with the rules of Windows, exFAT, FAT."""
    with _disk(kind, tmp_path) as out:
        house = _all_are_done(tmp_path, out)
        output = os.path.basename(house.outputs[house.path("10:30.jpg")])
        assert output.startswith("10_30~")
        assert output.endswith("_nobg.png")


@pytest.mark.parametrize(
    ("names", "number"),
    [
        ("colons", errno.EACCES), ("letters", errno.EILSEQ), ("long", errno.ENAMETOOLONG),
    ],
)  # fmt: skip
@pytest.mark.timeout(300)
def test_whatever_the_disk_says(tmp_path: Path, names: str, number: int) -> None:
    """Systems tell a name that they do not take by many an errno."""
    with _fuse(names, number, tmp_path) as out:
        house = _all_are_done(tmp_path, out)
        renamed = "does not take the name" in house.log.read_text()
        assert renamed


def test_where_names_are_taken_nothing_is_renamed(tmp_path: Path) -> None:
    """On a disk of Linux the cut-outs are called after their photos."""
    with House(tmp_path / "house", tmp_path / "cache") as house:
        inputs = _drop(house)
        assert house.await_ends(inputs, 100) == []
        for name in NAMES:
            output = os.path.relpath(house.outputs[house.path(name)], house.outbox)
            assert output == f"{name.removesuffix('.jpg')}_nobg.png"
        assert "renamed" not in house.log.read_text()
