"""A GIF's blocks: how many frames it has, and whether its first is whole (GIF89a, appendix A)."""

from __future__ import annotations

from dataclasses import dataclass

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B


@dataclass(frozen=True, slots=True)
class Survey:
    """What the blocks say."""

    frames: int
    ended: bool  # the trailer is there, or another frame follows the first
    end: int  # where the last block that is whole ends


def survey(data: bytes) -> Survey:
    """Step over the blocks; nothing is decoded."""
    at, frames = 13 + _table(data[10:11]), 0
    while at < len(data):
        kind = data[at]
        if kind == _TRAILER:
            return Survey(frames, True, at + 1)
        if kind == _EXTENSION:
            following = _chain(data, at + 2)
        elif kind == _IMAGE and at + 10 <= len(data):
            following = _chain(data, at + 11 + _table(data[at + 9 : at + 10]))
        else:
            break
        if following is None:
            break
        frames += kind == _IMAGE
        at = following
    return Survey(frames, frames > 1, min(at, len(data)))


def _table(flags: bytes) -> int:
    """Bytes of the colour table that these flags announce."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _chain(data: bytes, at: int) -> int | None:
    """Where the sub-blocks from ``at`` on end; None where the file does before."""
    while at < len(data):
        size = data[at]
        at += 1 + size
        if size == 0:
            return at
    return None
