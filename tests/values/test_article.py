"""`a` or `an`, as one would say it."""

from __future__ import annotations

import pytest

from nobgd.values import article
from nobgd.values.errands import FORMATS


@pytest.mark.parametrize("said", [
    "an AVIF", "an SVG", "an ICO", "an MP4", "an NEF", "an XCF", "an EPS", "an MPO", "an ORF",
    "a HEIC", "a HEIF", "a JPEG", "a JPEG XL file", "a PNG", "a WEBP", "a WebP", "a TIFF",
    "a BigTIFF", "a big-endian TIFF", "a GIF", "a BMP", "a PDF", "a PSD", "a GIMP file", "a RAW",
    "a CR3", "a DNG", "a Photoshop document", "an unknown file", "an image", "a ",
])  # fmt: skip
def test_the_article_is_that_of_the_spoken_name(said: str) -> None:
    """Letter by letter where it is spelt: em, en, ess; as a word where it is one."""
    assert article.an(said.partition(" ")[2]) == said


def test_formats_that_are_read() -> None:
    """All of them, so that a new one is thought of here."""
    assert [name for name in FORMATS if article.an(name).startswith("an ")] == ["AVIF"]
