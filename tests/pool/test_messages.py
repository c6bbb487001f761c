"""What a process of ours says: of a known kind, or nothing."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from nobgd.pool import messages


class Count(BaseModel):
    """One kind of message."""

    count: int


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"5",
        b"[]",
        b"null",
        b'{"other": 1}',
        b'{"count": "many"}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_message_is_none(data: bytes) -> None:
    """Cut, of no kind, of the wrong type, too deep, no text."""
    assert messages.read(data, {"count": Count}) is None


def test_the_kind_is_told_by_its_key() -> None:
    """And its fields are checked."""
    assert messages.read(b'{"count": 3}', {"count": Count}) == Count(count=3)
