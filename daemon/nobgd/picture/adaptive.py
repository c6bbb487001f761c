"""Whether an int8 mask should be made again in fp32, from the mask alone; pure.

Where the two differ by more than a rim, int8 is seldom sure itself: much of its mask lies around
one half, or less of it where edges are wide besides.  docs/engines.md has the curve from which the
bounds were taken.
"""

from __future__ import annotations

from nobgd.picture.doubt import between
from nobgd.picture.pixels import Bytes
from nobgd.values.doubt import NO_SUBJECT

_LOW, _HALF, _HIGH = 77, 127, 178  # of 255: three tenths, a half, seven tenths
_UNSURE, _UNSURE_IF_WIDE = 0.5, 0.1  # of the subject's pixels
_WIDE = 13.0  # pixels of the mask from background to subject, of 320


def unsure(mask: Bytes, confidence: float) -> bool:
    """Of a mask, (S, S) uint8 as `segment.stretch` makes it.

    One without a subject is not made again: it is called doubtful, whatever the arithmetic.
    """
    if confidence < NO_SUBJECT:
        return False
    share = middling(mask)
    return share > _UNSURE or (share > _UNSURE_IF_WIDE and between(mask) > _WIDE)


def middling(mask: Bytes) -> float:
    """Pixels between three and seven tenths, for each pixel of the subject."""
    subject = int((mask > _HALF).sum())
    middle = int(((mask >= _LOW) & (mask <= _HIGH)).sum())
    return middle / max(1, subject)
