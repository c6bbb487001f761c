"""What a PNG says of its colours besides a profile: chunks that go along with its pixels.

Source: PNG, 3rd edition, 11.3.2 and 4.3 (which of them counts where there are several).
"""

from __future__ import annotations

from nobgd.picture.png_chunks import Survey

_SPOKEN = (b"cICP", b"mDCV", b"cLLI", b"gAMA", b"cHRM", b"sRGB")
_NO_GAMMA = (b"gAMA", bytes(4))


def kept(found: Survey, profile: bool) -> dict[bytes, bytes]:
    """The bodies of the sound ones, by their names, for an output whose pixels are unchanged.

    A gamma of zero says nothing; beside a ``profile`` there is no sRGB chunk.
    """
    bodies = {kind: found.body(kind) for kind in _SPOKEN}
    if profile:
        bodies[b"sRGB"] = None
    return {kind: body for kind, body in bodies.items() if body and (kind, body) != _NO_GAMMA}
