"""What a HEIF or AVIF file holds: pictures, what they are put together from, what they are.

Sources: ISO/IEC 14496-12 (items, references), 23008-12 (properties, auxiliary and derived
pictures), and 21496-1 (gain maps).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_ZEROS, _SECTOR = 16, 512  # bytes
_DERIVED = (b"grid", b"iden", b"iovl", b"tmap")
_CODED = (b"hvc1", b"av01", b"avc1", b"vvc1", b"evc1", b"jpeg", b"j2k1", b"unci", b"lhv1")
_GAIN_MAP = b"tmap"
_GAIN_MAP_NAMES = (b"hdrgainmap", b"21496")


@dataclass(slots=True)
class Item:
    """One picture or block of metadata."""

    kind: bytes  # hvc1, av01, grid, Exif, …
    hidden: bool
    ends: int = 0  # where its bytes end in the file; 0: they are no bytes of the file
    last: tuple[int, int] = (0, 0)  # offset and length of what of it comes last in the file
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)  # type, body

    def property(self, kind: bytes) -> bytes | None:
        """The body of the first property of this type."""
        return next((body for each, body in self.properties if each == kind), None)


@dataclass(slots=True)
class Container:
    """What the boxes say."""

    primary: int = 0  # the item that is the picture
    items: dict[int, Item] = field(default_factory=dict)
    references: list[tuple[bytes, int, tuple[int, ...]]] = field(default_factory=list)
    needs: int = 0  # bytes that the file must have
    boxes_end: int = 0  # where the last box that could be read ends
    frames: int = 0  # of its longest track
    film: bool = False  # a motion photo's

    @property
    def picture(self) -> Item:
        """The primary item; raises ValueError where there is none."""
        if self.primary not in self.items:
            raise ValueError("no picture is named as the one to show")
        return self.items[self.primary]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels as stored, before rotation; raises ValueError."""
        body = self.picture.property(b"ispe")
        if body is None or len(body) < 12:
            raise ValueError("its size is not told")
        width, height = struct.unpack(">II", body[4:12])
        return width, height

    @property
    def turned(self) -> bool:
        """Whether rows become columns when it is shown."""
        body = self.picture.property(b"irot")
        return bool(body and body[0] & 1)

    @property
    def bits(self) -> int:
        """Bits of a sample, 8 where untold."""
        for item in (self.picture, *(self.items[each] for each in self.parts())):
            body = item.property(b"pixi")
            if body and len(body) > 5:
                return max(body[5 : 5 + body[4]], default=8)
        return 8

    @property
    def nclx(self) -> tuple[int, int, int, bool] | None:
        """Primaries, transfer, matrix and full range (ITU-T H.273); None where untold."""
        for item in (self.picture, *(self.items[each] for each in self.parts()[:1])):
            for kind, body in item.properties:
                if kind == b"colr" and body[:4] == b"nclx" and len(body) >= 11:
                    return (*struct.unpack(">HHH", body[4:10]), bool(body[10] & 0x80))
        return None

    @property
    def gain_map(self) -> bool:
        """Whether a map is there that makes an HDR picture of this one."""
        for item in self.items.values():
            name = item.property(b"auxC") or b""
            if item.kind == _GAIN_MAP or any(sign in name for sign in _GAIN_MAP_NAMES):
                return True
        return False

    def parts(self) -> list[int]:
        """The items that the picture is put together from, if it is."""
        return [each for each in self._of(b"dimg", self.primary) if each in self.items]

    def codecs(self) -> set[bytes]:
        """How the picture's pixels are coded, tiles' included."""
        found, waiting, seen = set(), [self.primary], set[int]()
        while waiting:
            each = waiting.pop()
            if each in seen or each not in self.items:
                continue
            seen.add(each)
            kind = self.items[each].kind
            if kind in _DERIVED:
                waiting += self._of(b"dimg", each)
            else:
                found.add(kind)
        return found

    def pictures(self) -> int:
        """How many pictures stand by themselves: no thumbnail, mask, depth, gain map, tile."""
        dependent = {one for kind, one, _ in self.references if kind in (b"thmb", b"auxl")}
        for kind, _, others in self.references:
            if kind == b"dimg":
                dependent.update(others)
        dependent |= {number for number, item in self.items.items() if item.kind == _GAIN_MAP}
        dependent.discard(self.primary)
        return sum(
            number not in dependent and not item.hidden and item.kind in (*_CODED, *_DERIVED)
            for number, item in self.items.items()
        )

    def unfilled(self, data: bytes) -> bool:
        """Whether bytes of the picture are zeros still, as those of a file that is copied are.

        HEVC has no three zero bytes within a unit (ITU-T H.265, 7.4.2).  AV1 may have some, but
        no sector of them, and its last byte has a bit that says so.
        """
        for each in (self.primary, *self.parts()):
            item = self.items[each]
            at, count = item.last
            if count < _ZEROS:
                continue
            run = _ZEROS if item.kind == b"hvc1" else _SECTOR
            if data.find(bytes(run), at, at + count) >= 0:
                return True
            if not any(data[at + count - _ZEROS : at + count]):
                return True
        return False

    def _of(self, kind: bytes, one: int) -> list[int]:
        return [
            each for named, source, others in self.references
            if (named, source) == (kind, one) for each in others
        ]  # fmt: skip
