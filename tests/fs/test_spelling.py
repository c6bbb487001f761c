"""Names that some disks do not take have other spellings, on disks that are really so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs import disks
from nobgd.fs import publish, tree
from nobgd.fs.spelling import variants

TAIL = "_nobg.png"
NAMES = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=80).filter(
    lambda name: name not in (".", "..") and len(os.fsencode(_printable(name))) <= 240
)
FORBIDDEN = set('<>:"/\\|?*') | {chr(number) for number in range(32)}
ODD = [
    "10:30", 'a "b" <c> |d|', "what?*", "back\\slash", "new\nline", "trail.", "trail ", "CON",
    "nul", "com1.jpg", "LPT¹", os.fsdecode(b"\xff\xfe latin"), "\x01", "x" * 244, "é" * 120,
    "語" * 80,
]  # fmt: skip


def _printable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape" if _bytes(name) else "replace").decode(
        "utf-8", "surrogateescape"
    )


def _bytes(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


@given(NAMES, st.sampled_from(["", TAIL]))
def test_every_spelling_is_one_that_windows_takes(name: str, tail: str) -> None:
    """None of its characters, ends and devices; short enough; the tail stays at the end."""
    if not _bytes(name):
        return
    for other in variants(name + tail, tail):
        assert not FORBIDDEN & set(other)
        assert other.isprintable() or not name.isprintable()
        assert len(os.fsencode(other)) <= 255
        assert other.endswith(tail)
        assert not other.endswith((".", " "))
        assert other.partition(".")[0].upper().rstrip(" ") not in {"CON", "PRN", "AUX", "NUL"}
        assert other != name + tail


@given(st.text("abcXYZ019 ._-()", min_size=1, max_size=100).filter(lambda name: name.isalnum()))
def test_a_plain_name_has_no_other(name: str) -> None:
    """Cameras' names cost nothing."""
    if name.upper() not in {"CON", "PRN", "AUX", "NUL"}:
        assert variants(name + TAIL, TAIL) == ()


@given(st.sets(NAMES, min_size=2, max_size=5))
def test_two_names_stay_two(names: set[str]) -> None:
    """Whatever is substituted or cut."""
    known = [name for name in names if _bytes(name)]
    found = [other for name in known for other in set(variants(name))]
    assert len(found) == len(set(found))


@pytest.fixture(params=disks.KINDS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    try:
        with disks.mounted(request.param, tmp_path) as point:
            yield point
    except disks.MissingError as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("name", ODD)
def test_a_folder_is_made_on_any_disk_and_found_again(disk: Path, name: str) -> None:
    """By its own name where the disk takes it; twice the same, with a file in it."""
    paths = []
    for _ in range(2):
        with tree.spelt_within(str(disk), [name, "plain"]) as (folder, path):
            publish.write(folder, "a.txt", [b"x"], replace=True)
            paths.append(path)
    assert paths[0] == paths[1]
    assert (disk / paths[0] / "a.txt").read_bytes() == b"x"
    assert len(os.listdir(disk / paths[0].split("/")[0])) == 1
    if name in ("10:30", "what?*"):
        assert paths[0].split("/")[0] in variants(name)


def test_a_place_that_fails_is_not_taken_for_a_name(tmp_path: Path) -> None:
    """The same errno of a folder that has left, or a name that the disk does take."""
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        for number in (22, 84, 36, 2, 13):
            assert not tree.refuses(folder, "10:30_nobg.png", OSError(number, "x"))
        assert os.listdir(tmp_path) == []
        (tmp_path / "gone").mkdir()
        gone = os.open(tmp_path / "gone", os.O_RDONLY)
        (tmp_path / "gone").rmdir()
        assert not tree.refuses(gone, "10:30_nobg.png", OSError(2, "x"))
        assert tree.refuses(folder, "x" * 300, OSError(36, "x"))
        os.close(gone)
    finally:
        os.close(folder)
