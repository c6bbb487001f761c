"""Which kinds of JPEG are known to be decoded right, and what the others are called.

Source: ITU-T T.81, B.2.2 and table B.1; T.872, 6.5.3 for Adobe's marker.
"""

from __future__ import annotations

from dataclasses import dataclass

_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # Huffman and arithmetic, sequential and progressive
_NOT_FRAMES = {0xC4, 0xC8, 0xCC}  # tables, extensions
_NAMES = {0xC3: "a lossless JPEG", 0xCB: "a lossless JPEG"}


@dataclass(frozen=True, slots=True)
class Frame:
    """What the header of the picture says."""

    kind: int  # the marker's second byte
    bits: int
    channels: int
    adobe: bool  # whether Adobe's marker is there: inks are then stored inverted


def frame(data: bytes) -> Frame | None:
    """The frame's header, segments before it being stepped over; None where there is none."""
    at, adobe = 2, False
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in _NOT_FRAMES:
            if at + 10 > len(data):
                return None
            return Frame(
                marker, data[at + 4], data[at + 9], adobe or _adobe_behind(data, at + 2 + size)
            )
        if marker == 0xEE and data[at + 4 : at + 9] == b"Adobe" and size >= 14:
            adobe = True
        if marker in (0xD9, 0xDA):
            return None
        at += 2 + size
    return None


def _adobe_behind(data: bytes, at: int) -> bool:
    """Whether Adobe's marker stands between the frame's header and the scan."""
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0xDA, 0xD9):
        if data[at + 1] == 0xEE and data[at + 4 : at + 9] == b"Adobe":
            return True
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def refusal(found: Frame | None) -> str | None:
    """What this JPEG is called if it is not known to be decoded right; else None."""
    if found is None:
        return None
    if found.kind not in _FRAMES:
        return _NAMES.get(found.kind, "a hierarchical JPEG")
    if found.bits != 8:
        return f"a JPEG of {found.bits} bits"
    if found.channels not in (1, 3, 4):
        return f"a JPEG of {found.channels} channels"
    if found.channels == 4 and not found.adobe:
        return "a CMYK JPEG without Adobe's marker, which leaves open whether its inks are inverted"
    return None
