"""The manifest says what the repository holds."""

import hashlib

import pytest

from nobgd import models
from nobgd.models.manifest import spec_of


def test_the_shipped_model_is_what_the_manifest_says() -> None:
    """u2netp lies in the shipped folder, byte for byte."""
    spec = models.load_manifest()["u2netp"]
    data = (models.shipped_directory() / spec.file).read_bytes()
    assert len(data) == spec.bytes
    assert hashlib.sha256(data).hexdigest() == spec.sha256


def test_every_model_says_all_that_is_needed() -> None:
    """Input, normalisation, licence and a source each; of what is tested, two."""
    for name, spec in models.load_manifest().items():
        assert spec.name == name
        assert spec.input_size in (320, 1024)
        assert len(spec.sha256) == 64
        assert spec.licence
        assert len(spec.sources) >= (2 if name in ("u2net", "u2netp") else 1)
        assert all(bool(source.wheel) != bool(source.url) for source in spec.sources)
        assert (spec.heavy > 1) == (spec.input_size > 320)


def test_an_unknown_name_gets_a_hint() -> None:
    """A typo is answered with the nearest name."""
    with pytest.raises(models.UnknownModelError, match="did you mean u2netp"):
        spec_of("u2netpp")


def test_the_readme_beside_the_weights_names_models_and_licence() -> None:
    """Who takes the folder knows what they have."""
    text = (models.shipped_directory() / "README.md").read_text("utf-8")
    for name, spec in models.load_manifest().items():
        assert f"`{name}`" in text
        assert spec.origin in text
    assert "Apache License 2.0" in text
