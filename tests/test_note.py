"""The note in every output."""

from __future__ import annotations

import io
import zlib

from hypothesis import given
from hypothesis import strategies as st

from nobgd import note

TEXT = st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "surrogateescape"))


def png(*chunks: bytes) -> bytes:
    header = note.frame(b"IHDR", bytes(13))
    data = note.frame(b"IDAT", zlib.compress(b"\0"))
    return note.SIGNATURE + header + b"".join(chunks) + data + note.frame(b"IEND", b"")


@given(TEXT, TEXT, TEXT, TEXT, TEXT, st.floats(0, 1))
def test_what_is_written_is_read(a: str, b: str, c: str, d: str, e: str, f: float) -> None:
    """Any name survives, bytes that are no UTF-8 included."""
    said = note.Note(a, b, c, d, e, f)
    assert note.find(png(note.chunk(said))) == said


def test_other_pictures_have_no_note() -> None:
    """A PNG of another program, a JPEG and nothing at all."""
    assert note.find(png()) is None
    assert note.find(b"\xff\xd8\xff\xe0") is None
    assert note.find(b"") is None
    assert note.find(png(note.frame(b"tEXt", note.KEYWORD + b"{not json"))) is None


@given(st.data())
def test_a_cut_or_changed_file_is_not_whole(data: st.DataObject) -> None:
    """One byte less, more or other is noticed anywhere in the file."""
    good = png(note.chunk(note.Note("a.jpg", "k", "s", "r", "v")))
    assert note.whole(io.BytesIO(good))
    at = data.draw(st.integers(0, len(good) - 1))
    assert not note.whole(io.BytesIO(good[:at]))
    flipped = bytearray(good)
    flipped[at] ^= data.draw(st.integers(1, 255))
    assert not note.whole(io.BytesIO(bytes(flipped)))
    assert not note.whole(io.BytesIO(good + b"\0"))
