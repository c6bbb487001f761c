"""`a` or `an`: whatever a name is, by how it is spoken."""

from __future__ import annotations

_WORDS = frozenset({"AVIF", "GIF", "HEIC", "HEIF", "JPEG", "RAW", "TIFF", "WEBP"})  # not spelt
_LETTERS = frozenset("AEFHILMNORSX")  # whose own names begin with a vowel
_VOWELS = frozenset("AEIOU")


def an(name: str) -> str:
    """``name`` with its article: `an MP4`, `a HEIC`, `an unknown file`, `a JPEG XL file`."""
    first = name.split(maxsplit=1)[0] if name.strip() else ""
    spelt = first.isupper() and first not in _WORDS
    vowel = first[:1].upper() in (_LETTERS if spelt else _VOWELS)
    return f"{'an' if vowel else 'a'} {name}"
