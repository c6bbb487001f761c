"""A model file is read whole once and remembered by its identity."""

import os
from pathlib import Path
from typing import Any

import pytest

from nobgd import models

from .conftest import WEIGHTS


@pytest.fixture
def model(tmp_path: Path, spec: models.ModelSpec) -> models.ModelFile:
    path = tmp_path / spec.file
    path.write_bytes(WEIGHTS)
    return models.ModelFile(spec, path, spec.sha256, "fp32")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """How often a file was read whole."""
    import hashlib

    counted: list[Any] = []
    real = hashlib.file_digest

    def counting(*args: Any) -> Any:
        counted.append(args)
        return real(*args)

    monkeypatch.setattr(hashlib, "file_digest", counting)
    return counted


def test_a_right_file_is_read_once(
    model: models.ModelFile, reads: list[Any], tmp_path: Path
) -> None:
    """The second time its identity is enough."""
    memory = tmp_path / "cache" / "verified.json"
    models.verify(model, memory)
    models.verify(model, memory)
    assert len(reads) == 1


def test_the_memory_may_be_a_folder(
    model: models.ModelFile, reads: list[Any], tmp_path: Path
) -> None:
    """Then the file in it is called verified.json."""
    models.verify(model, tmp_path)
    models.verify(model, tmp_path)
    assert len(reads) == 1
    assert (tmp_path / "verified.json").is_file()


def test_an_altered_file_is_refused_with_both_checksums(
    model: models.ModelFile, tmp_path: Path
) -> None:
    """Also when size and mtime are put back: the ctime tells."""
    memory = tmp_path / "verified.json"
    models.verify(model, memory)
    before = model.path.stat()
    with open(model.path, "r+b") as stream:
        stream.write(b"X")
    os.utime(model.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(models.ModelError) as caught:
        models.verify(model, memory)
    said = str(caught.value)
    assert str(model.path) in said
    assert model.sha256 in said
    assert "nobgd models fetch tiny" in said


def test_a_refused_file_stays_refused(model: models.ModelFile, tmp_path: Path) -> None:
    """Remembering what was found is not forgiving it."""
    model.path.write_bytes(b"other")
    for _ in range(2):
        with pytest.raises(models.ModelError, match="altered"):
            models.verify(model, tmp_path / "verified.json")


def test_an_unreadable_file_says_so(model: models.ModelFile, tmp_path: Path) -> None:
    """A model that vanished is an environment error, not a traceback."""
    model.path.unlink()
    with pytest.raises(models.ModelError, match="No such file"):
        models.verify(model, tmp_path / "verified.json")


@pytest.mark.parametrize("damage", ["{", "[]", '{"a": 1}'])
def test_a_damaged_memory_is_forgotten(
    model: models.ModelFile, reads: list[Any], tmp_path: Path, damage: str
) -> None:
    """The file is simply read again."""
    memory = tmp_path / "verified.json"
    memory.write_text(damage)
    models.verify(model, memory)
    models.verify(model, memory)
    assert len(reads) == 1


def test_a_memory_that_cannot_be_written_costs_only_time(
    model: models.ModelFile, reads: list[Any], tmp_path: Path
) -> None:
    """Verification works without it."""
    (tmp_path / "file").write_text("")
    memory = tmp_path / "file" / "verified.json"
    models.verify(model, memory)
    models.verify(model, memory)
    assert len(reads) == 2


def test_an_altered_int8_file_says_quantize(
    model: models.ModelFile, tmp_path: Path, spec: models.ModelSpec
) -> None:
    """The way out of a damaged int8 model is to build it again."""
    int8 = models.ModelFile(spec, model.path, "0" * 64, "int8")
    with pytest.raises(models.ModelError, match="nobgd models quantize tiny"):
        models.verify(int8, tmp_path / "verified.json")
