"""The note in every output."""

from __future__ import annotations

import io
import zlib

from hypothesis import given
from hypothesis import strategies as st

from nobgd.picture import provenance

TEXT = st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "surrogateescape"))


def png(*chunks: bytes) -> bytes:
    header = provenance.frame(b"IHDR", bytes(13))
    data = provenance.frame(b"IDAT", zlib.compress(b"\0"))
    return provenance.SIGNATURE + header + b"".join(chunks) + data + provenance.frame(b"IEND", b"")


@given(TEXT, TEXT, TEXT, TEXT, TEXT, st.floats(0, 1))
def test_what_is_written_is_read(a: str, b: str, c: str, d: str, e: str, f: float) -> None:
    """Any name survives, bytes that are no UTF-8 included."""
    said = provenance.Note(a, b, c, d, e, f)
    assert provenance.find(png(provenance.chunk(said))) == said


def test_other_pictures_have_no_note() -> None:
    """A PNG of another program, a JPEG and nothing at all."""
    assert provenance.find(png()) is None
    assert provenance.find(b"\xff\xd8\xff\xe0") is None
    assert provenance.find(b"") is None
    torn = provenance.frame(b"tEXt", provenance.KEYWORD + b"{not json")
    assert provenance.find(png(torn)) is None


@given(st.data())
def test_a_cut_or_changed_file_is_not_whole(data: st.DataObject) -> None:
    """One byte less, more or other is noticed anywhere in the file."""
    good = png(provenance.chunk(provenance.Note("a.jpg", "k", "s", "r", "v")))
    assert provenance.whole(io.BytesIO(good))
    at = data.draw(st.integers(0, len(good) - 1))
    assert not provenance.whole(io.BytesIO(good[:at]))
    flipped = bytearray(good)
    flipped[at] ^= data.draw(st.integers(1, 255))
    assert not provenance.whole(io.BytesIO(bytes(flipped)))
    assert not provenance.whole(io.BytesIO(good + b"\0"))
