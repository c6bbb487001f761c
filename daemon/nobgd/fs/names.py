"""Names for people and for formats that are UTF-8: what cannot be printed is shown escaped."""

from __future__ import annotations


def shown(name: str) -> str:
    """``name`` in one line of printable UTF-8; bytes that are none (surrogates) are escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode()
        for c in name.encode("utf-8", "backslashreplace").decode()
    )
