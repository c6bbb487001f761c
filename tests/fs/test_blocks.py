"""Small pieces in large blocks: the same bytes, in as few writes as can be."""

from __future__ import annotations

import random

import pytest

from nobgd.fs.blocks import blocks


@pytest.mark.parametrize("seed", range(20))
def test_all_bytes_come_in_their_order_and_in_whole_blocks(seed: int) -> None:
    """However they were cut; only the last block is a part of one."""
    chance = random.Random(seed)
    parts = [chance.randbytes(chance.choice((0, 1, 7, 9, 63, 64, 65, 300))) for _ in range(50)]
    found = [bytes(each) for each in blocks(iter(parts), 64)]
    assert b"".join(found) == b"".join(parts)
    assert all(found)
    assert all(len(each) % 64 == 0 for each in found[:-1])
    assert len(found) <= len(b"".join(parts)) // 64 + 1


def test_nothing_is_no_block() -> None:
    assert list(blocks([])) == list(blocks([b"", memoryview(b"")])) == []


def test_a_large_piece_is_not_copied() -> None:
    """A photo's bytes are not held twice."""
    piece = bytes(1000)
    first, last = blocks([piece], 64)
    assert first.obj is piece
    assert (len(first), len(last)) == (960, 40)


def test_what_has_wider_items_counts_by_bytes() -> None:
    """An array's memory may be 16 bits wide."""
    wide = memoryview(bytes(range(100))).cast("H")
    assert b"".join(blocks([wide], 16)) == bytes(range(100))
