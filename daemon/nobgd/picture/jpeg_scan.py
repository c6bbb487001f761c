"""The segments and scans of a JPEG, walked without decoding: repairs, limits, plain damage.

Decoders differ in what they forgive.  Here the harmless is taken out before any of them sees
it (bytes between segments, a missing EOI, parameters that sequential scans do not have), so
that whatever the decoder then complains of is about the picture.  Numbers of markers and
fields are those of ITU T.81, annex B.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from nobgd.values import Code, NobgdError

EOI = b"\xff\xd9"
NO_END = "no end-of-image marker"
_NEXT = re.compile(rb"\xff([^\x00\xff])")  # the next marker; more 0xff before it are filling
_IN_SCAN = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # what ends entropy-coded data
_NO_ZERO = re.compile(rb"[^\0]")
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), (0xC2,)
_BETWEEN_SCANS = frozenset({0xC4, 0xCC, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE})
_MOST_SCANS = 500  # libjpeg's own script has 10, the finest that mozjpeg tries about 60
_MOST_SEGMENTS = 20_000
_ZEROS = bytes(64)  # 170 coefficients of -1 in a row where the shortest code is one of these
_DC_RANGE = 2 * 2048 * 8  # a DC coefficient of 8-bit samples cannot walk further (T.81, F.1.2.1)


@dataclass(frozen=True, slots=True)
class Survey:
    """What the markers of a JPEG say."""

    data: bytes  # with what is harmless repaired: the very object that was given if nothing was
    scan: int | None = None  # where the first scan's data begins in what was given
    ended: bool = False  # an EOI came after the scans
    width: int = 0
    height: int = 0
    components: int = 0
    bits: int = 8
    damage: str | None = None  # what is surely wrong in the scans
    complaints: tuple[str, ...] = ()  # what was repaired


@dataclass(slots=True)
class _Walk:
    """The state of one walk."""

    data: bytes
    pieces: list[bytes | memoryview] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    tables: dict[int, tuple[int, int]] = field(default_factory=dict)  # first code's bits, symbol
    frame: int = 0
    size: tuple[int, int, int, int] = (0, 0, 0, 8)  # width, height, components, bits
    scan: int | None = None
    scans: int = 0
    ended: bool = False
    damage: str | None = None
    copied: int = 0  # `data` is in `pieces` up to here

    def drop(self, start: int, end: int, why: str, instead: bytes = b"") -> None:
        self.pieces += [memoryview(self.data)[self.copied : start], instead]
        self.copied = end
        if why not in self.complaints:
            self.complaints.append(why)


def survey(data: bytes) -> Survey:
    """Walk from SOI to EOI.  Raises `NobgdError` UNSUPPORTED beyond the limits."""
    walk = _Walk(data)
    at: int | None = 2
    for _ in range(_MOST_SEGMENTS):
        at = _segment(walk, at)
        if at is None:
            break
    else:
        raise _too_many(f"{_MOST_SEGMENTS:,} segments")
    width, height, components, bits = walk.size
    repaired = data
    if walk.scan is not None and not walk.ended:
        walk.complaints.append(NO_END)
        end = walk.scan + len(data[walk.scan :].rstrip(b"\0\xff"))  # zeros stand for the rest
        while data[end : end + 2] == b"\xff\0":  # a stuffed byte of the scan
            end += 2
        walk.pieces += [memoryview(data)[walk.copied : max(end, walk.copied)], EOI]
        walk.copied = len(data)
    if walk.pieces:
        repaired = b"".join([*walk.pieces, memoryview(data)[walk.copied :]])
    return Survey(
        repaired, walk.scan, walk.ended, width, height, components, bits, walk.damage,
        tuple(walk.complaints),
    )  # fmt: skip


def without_metadata(data: bytes) -> bytes | None:
    """The JPEG without comments and application segments but Adobe's; None if it has none.

    Adobe's (APP14) tells the colours.  ``data`` is that of a survey: nothing is between segments.
    """
    at, pieces, left_out = 2, [data[:2]], False
    while (found := _NEXT.search(data, at)) is not None and found[1][0] != 0xDA:
        end = found.end() + _two(data, found.end())
        if end <= found.end() or end > len(data):
            return None
        marker, body = found[1][0], data[found.end() + 2 : end]
        adobe = marker == 0xEE and len(body) >= 12 and body.startswith(b"Adobe")
        if marker == 0xFE or (0xE0 <= marker <= 0xEF and not adobe):
            left_out = True
        else:
            pieces.append(data[at:end])
        at = end
    return b"".join([*pieces, data[at:]]) if left_out else None


def _segment(walk: _Walk, at: int | None) -> int | None:
    """One segment, a scan with its data; where the next begins, None at the end."""
    data = walk.data
    assert at is not None  # noqa: S101 - the caller stops there
    found = _NEXT.search(data, at)
    if found is None:
        return None
    if data[at : found.start()].strip(b"\xff"):
        walk.drop(at, found.start(), "bytes between two segments")
    marker, body = found[1][0], found.end()
    if marker == 0xD9 and walk.scan is not None:
        walk.ended = True
        return None
    if marker == 0x01 or 0xD0 <= marker <= 0xD9:
        walk.drop(found.start(), body, "a marker out of place")
        return body
    if walk.scan is not None and marker not in _BETWEEN_SCANS:
        walk.damage = walk.damage or f"a marker 0x{marker:02x} within the picture's data"
    end = body + int.from_bytes(data[body : body + 2], "big")
    if end < body + 2 or end > len(data):
        return None
    if marker in _FRAMES:
        if walk.frame:
            walk.damage = walk.damage or "two frames"
        walk.frame = marker
        bits, height, width, count = (
            data[body + 2], _two(data, body + 3), _two(data, body + 5), data[body + 7],
        ) if end >= body + 8 else (8, 0, 0, 0)  # fmt: skip
        walk.size = (width, height, count, bits)
    elif marker == 0xC4:
        _tables(walk, data[body + 2 : end])
    elif marker == 0xDA:
        return _scan(walk, body, end)
    return end


def _scan(walk: _Walk, body: int, start: int) -> int | None:
    """A scan's header and data; where the marker after it is."""
    data, walk.scans = walk.data, walk.scans + 1
    if walk.scans > _MOST_SCANS:
        raise _too_many(f"more than {_MOST_SCANS} scans")
    head = data[body + 2 : start]
    walk.scan = start if walk.scan is None else walk.scan
    if walk.frame in _SEQUENTIAL and len(head) >= 4 and head[-3:] != b"\0\x3f\0":
        walk.drop(start - 3, start, "parameters of a progressive scan", b"\0\x3f\0")
    found = _IN_SCAN.search(data, start)
    end = len(data) if found is None else found.start()
    if walk.damage is None and _hole(walk, head, start, end):
        walk.damage = "a stretch of zeros within the picture's data"
    return None if found is None else found.start()


def _hole(walk: _Walk, head: bytes, start: int, end: int) -> bool:
    """Whether zeros lie in Huffman-coded data where no encoder writes so many.

    The shortest code of a table is all zeros (T.81, annex C), so a stretch of zeros is that
    symbol again and again: right where it means "no change" and "end of block", as in a white
    wall with tables made for it; elsewhere a row of blocks full of the value -1.  Zeros that
    reach the end are bytes that have not come, which the decoder notices itself.
    """
    at = walk.data.find(_ZEROS, start, end)
    if at < 0 or len(head) < 6 or walk.frame not in (*_SEQUENTIAL, *_PROGRESSIVE):
        return False
    first, high = head[-3], head[-1] >> 4
    progressive = walk.frame in _PROGRESSIVE
    found = _NO_ZERO.search(walk.data, at, end)
    after = end if found is None else found.start()
    if after == end or (progressive and high):
        return False
    for number in range(head[0]):
        chosen = head[2 + 2 * number]
        _, ac = walk.tables.get(0x10 | chosen & 15, (0, 0))
        length, dc = walk.tables.get(chosen >> 4, (0, 0))
        if progressive and first:
            if ac & 15 or ac == 0xF0:
                return True
            continue
        if not progressive and ac != 0:
            return True
        bits = length + dc + (0 if progressive else walk.tables.get(0x10 | chosen & 15, (1, 0))[0])
        if dc and 8 * (after - at) / bits * (2**dc - 1) > _DC_RANGE:
            return True
    return False


def _tables(walk: _Walk, body: bytes) -> None:
    """The first code of each table of a DHT: its length in bits and its symbol."""
    at = 0
    while at + 17 <= len(body):
        counts = body[at + 1 : at + 17]
        length = next((n + 1 for n, count in enumerate(counts) if count), 0)
        if length and at + 17 < len(body):
            walk.tables[body[at]] = (length, body[at + 17])
        at += 17 + sum(counts)


def _two(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _too_many(what: str) -> NobgdError:
    return NobgdError(
        Code.UNSUPPORTED, f"a JPEG of {what}, more than any program writes; export it anew"
    )
