"""What a file, and an output, look like from a lane, for another machine's sake."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from nobgd.lane import errands
from nobgd.picture import provenance
from nobgd.values import Code, NobgdError
from nobgd.values.errands import Look, Mark, Sample, Sweep, sampled

NOTE = provenance.Note("a.jpg", "key", "ab" * 32, "recipe", "1")
OUTPUT = provenance.SIGNATURE + provenance.chunk(NOTE)


def look(outbox: Path) -> Look:
    return Look(str(outbox), "sub/a_nobg.png", "a.jpg", frozenset({"key"}), "ab" * 32, "recipe")


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a_nobg.png").write_bytes(OUTPUT)
    return tmp_path


def test_an_output_is_there(outbox: Path) -> None:
    assert errands.run(look(outbox)) == 1


@pytest.mark.parametrize(
    "other",
    [{"source": "b.jpg"}, {"inbox_keys": frozenset({"other"})},
     {"relpath": "sub/b_nobg.png"}, {"relpath": "none/a_nobg.png"}],
)  # fmt: skip
def test_another_is_none(outbox: Path, other: dict[str, str]) -> None:
    assert errands.run(replace(look(outbox), **other)) == 0  # type: ignore[arg-type]
    assert not (outbox / "none").exists()


@pytest.mark.parametrize("other", [{"sha256": "cd" * 32}, {"recipe": "older"}])
def test_one_of_the_same_photo_says_of_which_bytes(outbox: Path, other: dict[str, str]) -> None:
    """It was that photo's before, or by another recipe."""
    found = errands.run(replace(look(outbox), **other))  # type: ignore[arg-type]
    assert f"{found:064x}" == "ab" * 32


@pytest.mark.parametrize("said", ["", "-1", "ab" * 40, "zz" * 32, "0x" + "ab" * 31])
def test_a_note_that_says_nonsense_is_none(outbox: Path, said: str) -> None:
    """Another program's, or a machine's that lies."""
    note = provenance.chunk(replace(NOTE, sha256=said))
    (outbox / "sub/a_nobg.png").write_bytes(provenance.SIGNATURE + note)
    assert errands.run(look(outbox)) == 0


def test_what_has_no_note_or_is_no_file_is_none(outbox: Path) -> None:
    output = outbox / "sub/a_nobg.png"
    output.write_bytes(b"")
    assert errands.run(look(outbox)) == 0
    output.unlink()
    (outbox / "b.png").write_bytes(OUTPUT)
    output.symlink_to(outbox / "b.png")
    assert errands.run(look(outbox)) == 0
    output.unlink()
    output.mkdir()
    assert errands.run(look(outbox)) == 0


def test_an_outbox_that_is_not_there_is_its_places_fault(outbox: Path) -> None:
    with pytest.raises(NobgdError) as gone:
        errands.run(replace(look(outbox), outbox=str(outbox / "none")))
    assert gone.value.code is Code.GONE_AWAY


def test_a_file_is_its_first_bytes_its_size_and_its_time(tmp_path: Path) -> None:
    data = bytes(range(256)) * 1000
    photo = tmp_path / "a.jpg"
    photo.write_bytes(data)
    os.utime(photo, ns=(1, 1_700_000_000_123_456_789))
    digest = hashlib.sha256(data[:65_536]).digest()
    expected = sampled(digest, len(data), 1_700_000_000_123_456_789)
    assert errands.run(Sample(str(tmp_path), "a.jpg")) == expected


def test_what_is_no_plain_file_below_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "in/link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "in/pipe")
    for name in ("link", "pipe", "../secret", "none"):
        with pytest.raises(NobgdError):
            errands.run(Sample(str(tmp_path / "in"), name))


def test_a_marker_is_put_and_taken_away(tmp_path: Path) -> None:
    """Over nothing that is there; taken away twice is fine."""
    name = ".nobgd-0000000000000000.tmp"
    errands.run(Mark(str(tmp_path), name, "text"))
    assert (tmp_path / name).read_text() == "text"
    with pytest.raises(NobgdError, match=f"has a file {name} already"):
        errands.run(Mark(str(tmp_path), name, "other"))
    assert [each.name for each in tmp_path.iterdir()] == [name]
    for _ in range(2):
        errands.run(Mark(str(tmp_path), name, None))
    assert not list(tmp_path.iterdir())


def test_young_temps_stay(tmp_path: Path) -> None:
    """Another machine may be at them: its locks are not seen by every file system."""
    young, old = tmp_path / ".nobgd-01.tmp", tmp_path / ".nobgd-02.tmp"
    for each in (young, old):
        each.write_bytes(b"x")
    seen = old.stat()
    os.utime(old, ns=(seen.st_atime_ns, seen.st_mtime_ns - 100_000_000_000))
    assert errands.run(Sweep(str(tmp_path), 60.0)) == 1  # that stays
    assert [each.name for each in tmp_path.iterdir()] == [young.name]
    assert errands.run(Sweep(str(tmp_path), 0.0)) == 0
    assert not list(tmp_path.iterdir())


def test_times_agree_up_to_the_grain(tmp_path: Path) -> None:
    """A photo whose time another file system cut is the photo that was seen."""
    from nobgd.picture import source

    (tmp_path / "a").write_bytes(b"x")
    os.utime(tmp_path / "a", ns=(1, 1_700_000_000_123_456_700))
    seen = (1, 1_700_000_000_123_456_789)
    assert source.read(str(tmp_path), "a", expect=seen, grain_ns=100).data == b"x"
    for grain, size in ((1, 1), (100, 2)):
        with pytest.raises(NobgdError) as changed:
            source.read(str(tmp_path), "a", expect=(size, seen[1]), grain_ns=grain)
        assert changed.value.code is Code.CHANGED
