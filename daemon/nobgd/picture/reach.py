"""Up to where the directories of a TIFF speak of its file; what lies behind is something else.

What they say is not believed where it would hide what was appended: a value beyond the end of
the file counts for nothing, and a strip that is not compressed has the size that its pixels need.

Sources: TIFF 6.0, sections 2, 7 and 22; Supplement 1 (SubIFDs); Exif 3.0, 4.6.3 (its directories).
"""

from __future__ import annotations

import contextlib

import numpy as np

from nobgd.picture.directory import Directory, directories, directory

_BELOW = (330, 34665, 34853, 40965)  # SubIFDs, Exif, GPS, Interoperability: offsets of others
_STREAM = (513, 514)  # JPEGInterchangeFormat and its length
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _ROWS, _PLANES = 256, 257, 258, 259, 277, 278, 284
_MOST = 64


def end(data: bytes) -> int:
    """Where the last byte ends that any directory names; of broken ones, as far as they tell."""
    waiting: list[Directory] = []
    with contextlib.suppress(ValueError):
        waiting.extend(directories(data))
    last = 0
    for count, page in enumerate(waiting):
        last = max(last, _end(page, len(data)))
        for tag in _BELOW if count < _MOST else ():
            with contextlib.suppress(ValueError):
                waiting += [directory(page, at) for at in page.numbers(tag) if at]
    return last


def _end(page: Directory, size: int) -> int:
    ends = [page.where(tag).stop for tag in page.entries]
    with contextlib.suppress(ValueError):
        ends.append(page.number(_STREAM[0], 0) + page.number(_STREAM[1], 0))
    last = max((each for each in ends if each <= size), default=0)
    with contextlib.suppress(ValueError):
        offsets, sizes = page.blocks
        most = _strip(page, size)
        if len(sizes) == 0 and most is not None:
            sizes = np.full(len(offsets), most)
        if len(offsets) == len(sizes):
            sizes = sizes if most is None else np.minimum(sizes, most)
            last = max(last, min(int(np.max(offsets + sizes, initial=0)), size))
    return last


def _strip(page: Directory, size: int) -> int | None:
    """Bytes of a whole strip, at most the file's; None for tiles, and where it is compressed."""
    width, height = page.number(_WIDTH, 0), page.number(_HEIGHT, 0)
    if page.number(_COMPRESSION, 1) != 1 or 273 not in page.entries or not width:
        return None
    samples = 1 if page.number(_PLANES, 1) == 2 else page.number(_SAMPLES, 1)
    rows = min(page.number(_ROWS, height) or height, height)
    return min((width * max(page.numbers(_BITS, (1,))) * samples + 7) // 8 * rows, size)
