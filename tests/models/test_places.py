"""Where weights are looked for, and what is said when they are not there."""

import json
from pathlib import Path

import pytest

from nobgd import models


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOBGD_MODELS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_the_given_directory_comes_first_and_the_shipped_one_last(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Given, else $NOBGD_MODELS, else the user's cache; then what came with nobgd."""
    shipped = models.shipped_directory()
    monkeypatch.setenv("HOME", "/home/me")
    assert models.search_path() == [Path("/home/me/.cache/nobgd/models"), shipped]
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert models.search_path() == [Path("/caches/nobgd/models"), shipped]
    monkeypatch.setenv("NOBGD_MODELS", "/srv/models")
    assert models.search_path() == [Path("/srv/models"), shipped]
    assert models.search_path(tmp_path) == [tmp_path, shipped]


def test_a_user_without_a_home_still_has_the_shipped_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No home, no relative path made of a tilde."""
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert models.search_path() == [models.shipped_directory()]
    assert models.find("u2netp").path.is_file()


def test_u2netp_is_always_found(tmp_path: Path) -> None:
    """It ships with nobgd."""
    found = models.find("u2netp", directory=tmp_path)
    assert (found.precision, found.sha256) == ("fp32", found.spec.sha256)


def test_a_missing_model_says_how_to_get_it_and_what_is_there(tmp_path: Path) -> None:
    """The command to type, with the directory it needs, and u2netp as the way out."""
    with pytest.raises(models.ModelError) as caught:
        models.find("u2net", directory=tmp_path)
    said = str(caught.value)
    assert f"`nobgd models fetch u2net --directory {tmp_path}`" in said
    assert "u2netp" in said
    assert "\n" not in said


def test_int8_is_found_by_its_sidecar(tmp_path: Path, spec: models.ModelSpec) -> None:
    """The checksum to expect is the sidecar's."""
    (tmp_path / "tiny.int8.onnx").write_bytes(b"quantized")
    (tmp_path / "tiny.int8.json").write_text(json.dumps({"from": spec.sha256, "sha256": "ab"}))
    found = models.find("tiny", "int8", tmp_path)
    assert (found.path.name, found.sha256, found.precision) == ("tiny.int8.onnx", "ab", "int8")


@pytest.mark.parametrize(
    ("sidecar", "reason"),
    [
        (None, "nobgd models quantize tiny"),
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"from": "other", "sha256": "ab"}', "made from other weights"),
    ],
)
def test_int8_that_cannot_be_trusted_is_refused(
    tmp_path: Path, spec: models.ModelSpec, sidecar: str | None, reason: str
) -> None:
    """No sidecar, a damaged one, or one that speaks of other weights."""
    assert spec.name == "tiny"
    (tmp_path / "tiny.int8.onnx").write_bytes(b"quantized")
    if sidecar is not None:
        (tmp_path / "tiny.int8.json").write_text(sidecar)
    with pytest.raises(models.ModelError, match=reason):
        models.find("tiny", "int8", tmp_path)


def test_an_unknown_precision_is_refused() -> None:
    """Only fp32 and int8 exist."""
    with pytest.raises(models.ModelError, match="fp16"):
        models.find("u2netp", "fp16")


def test_a_folder_that_cannot_be_looked_into_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the home of root in a container that is root no more: the shipped model is found."""
    monkeypatch.setenv("XDG_CACHE_HOME", f"/{'x' * 300}")
    assert models.find("u2netp").path.parent == models.shipped_directory()
