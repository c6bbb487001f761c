"""The note of an output that has no text chunk: an XMP packet, and a sum of all that is not it.

JPEG and WebP carry no checksum, so the packet says how many bytes the rest of the file has and
their CRC-32: whether an output is whole is then known, as a PNG's chunks tell it (XMP: ISO
16684-1; where it lies: XMP specification part 3, 1.1.3 for JPEG; RFC 9649, 2.7.1.5 for WebP).
"""

from __future__ import annotations

import re

_OPEN = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:nobgd="urn:nobgd:1"><nobgd:note>'
)
_BETWEEN = b"</nobgd:note><nobgd:rest>"
_CLOSE = b'</nobgd:rest></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
_REST = re.compile(rb"(\d{1,12}):([0-9a-f]{8})")
_MARKUP = {b"&": rb"\u0026", b"<": rb"\u003c", b">": rb"\u003e"}


def packet(text: bytes, rest: tuple[int, int]) -> bytes:
    """The packet for ``text``, ASCII JSON, and ``rest``: bytes beside it and their CRC-32."""
    for sign, escaped in _MARKUP.items():  # JSON has another way to say them, XML needs it
        text = text.replace(sign, escaped)
    return _OPEN + text + _BETWEEN + b"%d:%08x" % rest + _CLOSE


def read(packet: bytes) -> tuple[bytes, tuple[int, int]] | None:
    """The text and the rest that `packet` was made of; None if it is another's."""
    if not (packet.startswith(_OPEN) and packet.endswith(_CLOSE)):
        return None
    text, between, rest = packet[len(_OPEN) : -len(_CLOSE)].partition(_BETWEEN)
    found = _REST.fullmatch(rest)
    if not between or found is None:
        return None
    return text, (int(found[1]), int(found[2], 16))
