"""Up to where the directories of a TIFF speak of its file; what lies behind is something else.

Sources: TIFF 6.0, sections 2, 7 and 22; Supplement 1 (SubIFDs); Exif 3.0, 4.6.3 (its directories).
"""

from __future__ import annotations

import numpy as np

from nobgd.picture.directory import Directory, directories, directory

_BELOW = (330, 34665, 34853, 40965)  # SubIFDs, Exif, GPS, Interoperability: offsets of others
_STREAM = (513, 514)  # JPEGInterchangeFormat and its length
_MOST = 64


def end(data: bytes) -> int:
    """Where the last byte ends that any directory names; all of it where that is not told."""
    try:
        waiting, last = [*directories(data)], 0
        for count, page in enumerate(waiting):
            last = max(last, _end(page))
            if count < _MOST:
                waiting += [
                    directory(page, at) for tag in _BELOW for at in page.numbers(tag) if at
                ]
    except ValueError:
        return len(data)
    return min(last, len(data))


def _end(page: Directory) -> int:
    last = max((page.where(tag).stop for tag in page.entries), default=0)
    if {273, 324} & page.entries.keys():
        offsets, sizes = page.blocks
        if len(offsets) != len(sizes):
            raise ValueError("the sizes of strips or tiles are not told")
        last = max(last, int(np.max(offsets + sizes, initial=0)))
    start, length = _STREAM
    return max(last, page.number(start, 0) + page.number(length, 0))
