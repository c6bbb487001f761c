"""The chunks of a PNG, checked as the format allows, and the picture as one clean stream.

A PNG has two checks of its pixels: a CRC for each chunk and an Adler-32 over the whole stream
(PNG, 3rd edition, 5.3 and 10.1).  Pillow makes neither for pixels, and refuses the photo for a
wrong CRC of a comment.  Here it is the other way round: what decides pixels must be right, what
does not is left out where it is damaged, too large or of no use.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from isal import isal_zlib

from nobgd.picture.provenance import SIGNATURE
from nobgd.values import Code, NobgdError

_MOST_CHUNKS = 250_000  # 2 GB in pieces of 8 KiB, which is how libpng writes
_MOST_UNPACKED = 16 << 20  # bytes of a profile or text that is compressed
_INFLATE_ERROR: type[Exception] = isal_zlib.error  # type: ignore[assignment]
_PART = 1 << 15  # bytes that are given to inflate at once
_DECISIVE = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS")
_ANCILLARY = 0x20  # bit of a kind's first letter: the picture can be shown without this chunk
_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"cICP": 4, b"mDCV": 24, b"cLLI": 8}
_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"eXIf", b"sBIT", *_LENGTHS})
_TEXTS = (b"XML:com.adobe.xmp", b"Raw profile type exif")  # where an orientation may be told
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_ADAM7 = (  # of each pass: left, top, and the steps across and down
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Survey:
    """What the chain of chunks says."""

    data: bytes
    chunks: tuple[tuple[bytes, int, int], ...] = ()  # kept, but pixels: kind, start and end of body
    before: int = 0  # so many of them come before the pixels
    pixels: tuple[tuple[int, int], ...] = ()  # start and end of each IDAT's body
    ended: bool = False  # IEND was reached
    damage: str | None = None  # what is surely wrong with what decides pixels
    complaints: tuple[str, ...] = ()

    def body(self, kind: bytes) -> bytes | None:
        """The body of the one chunk of this kind, if it is there and sound."""
        for found, start, end in self.chunks:
            if found == kind:
                return self.data[start:end]
        return None


def survey(data: bytes) -> Survey:
    """Walk the chunks.  Raises `NobgdError` UNSUPPORTED beyond the limits."""
    view, size, at = memoryview(data), len(data), 8
    chunks: list[tuple[bytes, int, int]] = []
    pixels: list[tuple[int, int]] = []
    complaints: list[str] = []
    seen: set[bytes] = set()
    damage, before, ended = None, 0, False
    for _ in range(_MOST_CHUNKS):
        kind = data[at + 4 : at + 8]
        start, end = at + 8, at + 8 + int.from_bytes(data[at : at + 4], "big")
        if not (kind.isascii() and kind.isalpha()) or end + 4 > size:
            if kind == b"IDAT" and at + 8 < size:
                before = before if pixels else len(chunks)
                pixels.append((start, min(end, size)))  # as much of it as is there
            break
        at = end + 4
        right = isal_zlib.crc32(view[start - 4 : end]) == int.from_bytes(data[end:at], "big")
        if kind == b"IDAT":
            before = before if pixels else len(chunks)
            pixels.append((start, end))
        if not right and (kind in _DECISIVE or not kind[0] & _ANCILLARY):
            damage = damage or f"the checksum of {kind.decode()} is wrong"
        elif kind not in _DECISIVE and not kind[0] & _ANCILLARY:
            raise NobgdError(
                Code.UNSUPPORTED,
                f"a PNG with the chunk {kind.decode()}, without which it cannot be read"
                f"{' (made for iPhone apps)' if kind == b'CgBI' else ''}; export it as a plain PNG",
            )
        if kind == b"IEND":
            ended = True
            break
        if kind == b"IDAT":
            continue
        why = _why_not(kind, data, start, end, seen, late=bool(pixels), right=right)
        if why:
            complaints.append(f"{kind.decode()} {why}")
        elif why is None:
            seen.add(kind)
            chunks.append((kind, start, end))
    else:
        raise NobgdError(
            Code.UNSUPPORTED,
            f"a PNG of more than {_MOST_CHUNKS:,} chunks, as no program writes; export it anew",
        )
    if pixels and not ended:
        complaints.append("no end chunk")
    before = before if pixels else len(chunks)
    return Survey(
        data, tuple(chunks), before, tuple(pixels), ended, damage, tuple(dict.fromkeys(complaints))
    )


def _why_not(
    kind: bytes, data: bytes, start: int, end: int, seen: set[bytes], *, late: bool, right: bool
) -> str | None:
    """None for a chunk to keep, "" for one to leave out, else what is wrong with it."""
    if not right:
        return "has a wrong checksum"
    if kind in (b"tEXt", b"zTXt", b"iTXt"):
        keyword, _, rest = data[start : min(end, start + 80)].partition(b"\0")
        if keyword not in _TEXTS:
            return ""
        return _unpacked(kind, data[start + len(keyword) + 1 : end], rest)
    if kind not in _KEPT:
        return ""
    if kind in seen:
        return "comes twice"
    if late and kind != b"eXIf":
        return "comes after the pixels"
    if end - start != _LENGTHS.get(kind, end - start):
        return "has a wrong length"
    if kind == b"iCCP":
        rest = data[start : min(end, start + 80)].partition(b"\0")[2]
        name = data.find(b"\0", start, start + 80)
        return _unpacked(kind, data[name + 1 : end], rest) if name >= 0 else "is damaged"
    return None


def _unpacked(kind: bytes, body: bytes, head: bytes) -> str | None:
    """What is wrong with a compressed body, as zTXt, iTXt and iCCP have it."""
    if kind == b"tEXt" or (kind == b"iTXt" and head[:1] != b"\1"):
        return "is too large" if len(body) > _MOST_UNPACKED else None
    if kind == b"iTXt":  # flag, method, language, translated keyword
        body = b"\0" + [*body[2:].split(b"\0", 2), b"", b""][2]
    unpack = zlib.decompressobj()
    try:
        text = unpack.decompress(body[1:], _MOST_UNPACKED + 1)
    except zlib.error:
        return "is damaged"
    if len(text) > _MOST_UNPACKED:
        return "is too large"
    return None if unpack.eof else "is damaged"


def raw_size(ihdr: bytes) -> int:
    """Bytes of the filtered rows that an IHDR (13 bytes) announces; 0 if it is no sense."""
    width, height = int.from_bytes(ihdr[:4], "big"), int.from_bytes(ihdr[4:8], "big")
    if len(ihdr) != 13 or ihdr[9] not in _CHANNELS:
        return 0
    bits = ihdr[8] * _CHANNELS[ihdr[9]]
    if not ihdr[12]:
        return height * (1 + (width * bits + 7) // 8)
    total = 0
    for left, top, across, down in _ADAM7:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


class Stream:
    """A PNG to be read from front to end: sound chunks, pixels as they come out of inflate.

    The pixels are packed anew without compression, so that no byte is inflated twice.  Reading
    the last of them raises `NobgdError` where the stream is too short or its Adler-32 wrong.
    """

    def __init__(self, found: Survey, complaints: list[str]) -> None:
        self._found = found
        self._complaints = complaints
        self._pieces = self._make()
        self._rest, self._at = b"", 0

    def tell(self) -> int:
        """How much has been read."""
        return self._at

    def seek(self, to: int, whence: int = 0) -> int:
        """Nowhere but to where it is: all that Pillow asks for."""
        if whence == 0 and to == self._at:
            return to
        if whence == 0 and to < self._at:
            self._pieces, self._rest, self._at = self._make(), b"", 0
        while self._at < to:
            if not self.read(min(1 << 16, to - self._at)):
                break
        return self._at

    def read(self, count: int = -1) -> bytes:
        """The next ``count`` bytes, fewer at the end."""
        parts, wanted = [], count if count >= 0 else 1 << 62
        while wanted > 0:
            if not self._rest:
                self._rest = next(self._pieces, b"")
                if not self._rest:
                    break
            parts.append(self._rest[:wanted])
            self._rest = self._rest[wanted:]
            wanted -= len(parts[-1])
        out = parts[0] if len(parts) == 1 else b"".join(parts)
        self._at += len(out)
        return out

    def _make(self) -> Iterator[bytes]:
        found = self._found
        yield SIGNATURE
        for kind, start, end in found.chunks[: found.before]:
            yield _chunk(kind, found.data[start:end])
        if found.pixels:
            yield _chunk(b"IDAT", b"")  # whoever wants the header alone inflates nothing
            yield from self._rows()
        for kind, start, end in found.chunks[found.before :]:
            yield _chunk(kind, found.data[start:end])
        yield _chunk(b"IEND", b"")

    def _rows(self) -> Iterator[bytes]:
        """IDAT chunks of one stored block each (RFC 1951, 3.2.4)."""
        left = raw_size(self._found.body(b"IHDR") or b"")
        head, check = b"\x78\x01", 1
        for block in inflated(self._found, left, self._complaints):
            left -= len(block)
            check = isal_zlib.adler32(block, check)
            size = len(block).to_bytes(2, "little") + (len(block) ^ 0xFFFF).to_bytes(2, "little")
            last = b"" if left else check.to_bytes(4, "big")
            yield _chunk(b"IDAT", b"".join((head, b"\0" if left else b"\1", size, block, last)))
            head = b""


def inflated(found: Survey, wanted: int, complaints: list[str]) -> Iterator[bytes]:
    """The filtered rows in blocks of at most 65,535 bytes, ``wanted`` bytes in all.

    Raises `NobgdError` TRUNCATED or BROKEN before the last block if the stream is not right.
    """
    view = memoryview(found.data)
    unpack = isal_zlib.decompressobj()
    block = bytearray()

    def more(data: memoryview | bytes, limit: int) -> bytes:
        try:
            return bytes(unpack.decompress(data, limit))
        except _INFLATE_ERROR as error:
            raise _broken(str(error)) from error

    for start, end in _parts(found.pixels):
        data: memoryview | bytes = view[start:end]
        while wanted > 0 and not unpack.eof:
            got = more(data, min(65_535, wanted) - len(block))
            data = unpack.unconsumed_tail
            block += got
            if len(block) == min(65_535, wanted) and len(block) < wanted:
                yield bytes(block)
                wanted -= len(block)
                block.clear()
            elif len(block) == wanted or not (got or data):
                break
        if len(block) == wanted and not unpack.eof:  # the picture is full: read on to the check
            extra = 0
            while data and not unpack.eof:
                extra += len(more(data, 65_535))
                data = unpack.unconsumed_tail
            if extra and "more pixels than the picture has" not in complaints:
                complaints.append("more pixels than the picture has")
        if unpack.eof:
            break
    if len(block) < wanted:
        if found.ended:
            raise _broken("pixels are missing")
        raise NobgdError(
            Code.TRUNCATED, "the picture ends too early: pixels are missing; copy it again"
        )
    while not unpack.eof and more(b"", 65_535):  # what it holds back
        pass
    if not unpack.eof:
        complaints.append("no check at the end of the pixels")
    yield bytes(block)


def _parts(pixels: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, int]]:
    """The same bytes in small pieces: what is left of one is copied with every block."""
    for start, end in pixels:
        for at in range(start, end, _PART):
            yield at, min(end, at + _PART)


def _broken(what: str) -> NobgdError:
    return NobgdError(
        Code.BROKEN, f"the picture is damaged ({what}); copy or export the original again"
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    crc = b"\0\0\0\0" if kind == b"IDAT" else zlib.crc32(body, zlib.crc32(kind)).to_bytes(4, "big")
    return b"".join((len(body).to_bytes(4, "big"), kind, body, crc))
