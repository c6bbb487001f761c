"""The photos that `doubt` is judged on, and the judging itself."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from benchmarks import doubt, gather, labelled

PHOTO = labelled.Labelled("a", "good", "package", "some/file.rcc!in/a.jpg", labelled.digits(b"jpg"))


def test_every_label_is_said_once_and_both_halves_have_all_of_them() -> None:
    every = labelled.every()
    assert len({each.name for each in every}) == len({each.sha256 for each in every}) == len(every)
    for held_out in (False, True):
        labels = [each.label for each in every if each.held_out == held_out]
        assert set(labels) == set(labelled.LABELS)
        assert 0.4 < len(labels) / len(every) < 0.6
    assert all(re.fullmatch("[0-9a-f]{16}", each.sha256) for each in every)


def test_those_of_a_clone_are_found_and_no_other(tmp_path: Path) -> None:
    """A file that was changed is another photo; a folder's are known under any name."""
    clone = [each for each, _ in labelled.found(None)]
    assert {each.source for each in clone} == {labelled.OURS, labelled.INSTALLED}
    assert len(clone) == sum(each.source in ("nobgd", "scikit-image") for each in labelled.every())
    (tmp_path / "any.jpg").write_bytes(b"another")
    assert [each for each, _ in labelled.found(tmp_path)] == clone


def resource_file(path: str, data: bytes, flags: int = 0) -> bytes:
    """As Qt's rcc writes one file in one folder, format 1."""
    names, at = b"", []
    for word in path.split("/"):
        at.append(len(names))
        names += struct.pack(">HI", len(word), 0) + word.encode("utf-16-be")
    nodes = struct.pack(">IHII", 0, 2, 1, 1)
    nodes += struct.pack(">IHII", at[0], 2, 1, 2)
    nodes += struct.pack(">IHHHI", at[1], flags, 0, 0, 0)
    blob = struct.pack(">I", len(data)) + data
    head = 20
    return (
        b"qres" + struct.pack(">IIII", 1, head, head + len(nodes), head + len(nodes) + len(blob))
        + nodes + blob + names
    )  # fmt: skip


def test_photos_are_taken_out_of_a_package(tmp_path: Path) -> None:
    """Also from a resource file; what is not there, or compressed, is left out."""
    assert dict(gather.resources(resource_file("in/a.jpg", b"jpg"))) == {"in/a.jpg": b"jpg"}
    assert not dict(gather.resources(resource_file("in/a.jpg", b"jpg", flags=1)))
    with pytest.raises(ValueError, match="no resource file"):
        list(gather.resources(b"PNG"))
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "file.rcc").write_bytes(resource_file("in/a.jpg", b"jpg"))
    away = labelled.Labelled("b", "bad", "package", "other.jpg", "0" * 16)
    [(photo, data)] = gather.unpack(tmp_path, [PHOTO, away])
    assert photo == PHOTO
    assert photo.fits(data)
    assert photo.file == "a.jpg"
    assert not photo.fits(b"another")


def row(name: str, label: str, found: float, held_out: bool = True) -> dict[str, object]:
    return {"name": name, "label": label, "doubt": found, "held_out": held_out}


def test_shares_and_bars() -> None:
    """Of the half that is held out; flagged is a doubt above a half, and not a half."""
    rows = [
        row("a", "good", 0.5), row("b", "good", 0.6), row("c", "bad", 0.9), row("d", "bad", 0.1),
        row("e", "no_subject", 1.0), row("f", "good", 0.9, held_out=False),
    ]  # fmt: skip
    assert doubt.judged(rows[:5]) == {
        "precision": pytest.approx(2 / 3), "recall": pytest.approx(2 / 3), "recall_bad": 0.5,
        "recall_no_subject": 1.0, "good_flagged": 0.5,
    }  # fmt: skip
    result = {"labelled": 7, "photos": rows}
    assert [each.met for each in doubt.verdicts(result)] == [False, False, False, True, False]
    page = "\n".join(doubt.section(result))
    assert "Held out and missed: d. Flagged and good: b." in page
    assert "benchmarks.gather" in page
    assert doubt.judged([])["precision"] is None
    assert len(doubt.verdicts({"labelled": 1, "photos": rows[5:]})) == 1
