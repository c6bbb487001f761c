"""The chunks of a WebP: repaired where that is harmless, and whether its picture ends in time.

WebP has no checksum.  libwebp notices when a picture's data run out before its last block, and
not when they go on after it, which damage makes as often: the arithmetic coder or the codes go
astray and the picture is full too early, or too late.  So a picture is whole when its data are
needed to their end (RFC 9649 has the container, RFC 6386 the coder).
"""

from __future__ import annotations

from dataclasses import dataclass

from nobgd.values import Code, NobgdError

_MOST_CHUNKS = 100_000  # a film of an hour
_PICTURE = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")
_KEPT = (*_PICTURE, b"VP8X", b"ANIM", b"ICCP", b"EXIF", b"XMP ")
_NEEDED = 8  # of the last bytes: what libwebp writes is missed when four of them are
_ZEROS = bytes(512)  # more than a flat picture ends in is not seen by this, only waited for


@dataclass(frozen=True, slots=True)
class Survey:
    """What the chain of chunks says."""

    data: bytes  # with what is harmless repaired: the very object that was given if nothing was
    chunks: tuple[tuple[bytes, int, int], ...]  # kept: kind, start and end of body in `given`
    given: bytes
    cut: bool  # a chunk of the picture ends beyond the file
    zeros: bool  # the picture ends in zeros: perhaps a part that has not come
    complaints: tuple[str, ...]


def survey(data: bytes) -> Survey:
    """Walk the chunks.  Raises `NobgdError` UNSUPPORTED beyond the limits."""
    told, at, size = int.from_bytes(data[4:8], "little") + 8, 12, len(data)
    chunks: list[tuple[bytes, int, int]] = []
    complaints: list[str] = []
    cut, last, strange = False, 12, False
    for _ in range(_MOST_CHUNKS):
        kind = data[at : at + 4]
        if at + 8 > size or (kind not in _KEPT and at >= told):
            break
        start, end = at + 8, at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        if end > size:
            cut = cut or kind in _PICTURE
            if not cut:
                complaints.append("a chunk ends beyond the file")
            break
        at = end + (end & 1)
        if kind in _KEPT:
            chunks.append((kind, start, end))
            last = at
        else:
            strange = True
    else:
        raise NobgdError(
            Code.UNSUPPORTED,
            f"a WebP of more than {_MOST_CHUNKS:,} chunks, as no program writes; export it anew",
        )
    found = any(kind in (b"VP8 ", b"VP8L", b"ANMF") for kind, _, _ in chunks)
    cut = cut or not found
    body = next((data[s:e] for k, s, e in reversed(chunks) if k in _PICTURE), b"")
    repaired = data
    if not cut and (told != last or size < last or complaints or strange):
        if told > size or told < last:
            complaints.append("the file's length is not what its header says")
        repaired = _joined([(kind, data[start:end]) for kind, start, end in chunks])
    zeros = body.endswith(_ZEROS)
    return Survey(repaired, tuple(chunks), data, cut, zeros, tuple(complaints))


def shorter(found: Survey, width: int, height: int) -> list[bytes]:
    """The picture without its last bytes, and its alpha so, each as a file; none may decode.

    There are none for a film's frames, and for what is too short to miss anything.
    """
    made: list[bytes] = []
    for kind, start, end in found.chunks:
        body = found.given[start:end]
        if kind == b"ANMF":
            return []
        if kind == b"ALPH" and body[:1] and body[0] & 3 == 1:  # lossless, without the header
            size = (width - 1 | (height - 1) << 14).to_bytes(4, "little")
            kind, body = b"VP8L", b"\x2f" + size + body[1:]
        if kind not in (b"VP8 ", b"VP8L"):
            continue
        if body[-1:] != b"\0" and body.endswith(body[-1:] * 16):
            body = body.rstrip(body[-1:])  # filling, which some encoders leave
        if len(body) > 4 * _NEEDED:
            made.append(_joined([(kind, body[:-_NEEDED])]))
    return made


def _joined(chunks: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(
        part
        for kind, content in chunks
        for part in (kind, len(content).to_bytes(4, "little"), content, bytes(len(content) & 1))
    )
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body
