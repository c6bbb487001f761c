"""A process confined as a lane is, that decodes mutated pictures and says what came of each.

``python -m faults.decoding SEED FIRST COUNT STEP BEAT`` decodes FIRST, FIRST+STEP, … and
writes the number at hand into the file BEAT first, so that a crash or a hang has a name.
"""

from __future__ import annotations

import json
import mmap
import struct
import sys
from collections import Counter

import numpy as np

from faults.pictures import corpus, mutated
from nobgd.lane.confine import confine
from nobgd.picture import admission, decode
from nobgd.values import Code, NobgdError

MOST_MEGAPIXELS = 16.0
_MEMORY = 4_000_000_000


def outcome(data: bytes) -> str:
    """What a lane would make of these bytes, in its order; never raises anything foreseen."""
    try:
        admission.admit(lambda at, count: data[at : at + count], len(data), MOST_MEGAPIXELS)
        header = decode.look(data)
        if header.megapixels > MOST_MEGAPIXELS:
            return str(Code.TOO_LARGE)
        decode.finished(data, header)
        picture = decode.decode(data, header)
    except NobgdError as error:
        if not isinstance(error.code, Code) or error.code is Code.INTERNAL or not error.reason:
            return f"wrong: {error.code!r}"
        return str(error.code)
    pixels = picture.rgbx
    sides = {pixels.shape[:2], pixels.shape[1::-1]}
    if pixels.dtype != np.uint8 or pixels.shape[2:] != (4,) or not pixels.flags.c_contiguous:
        return f"wrong: {pixels.shape} {pixels.dtype}"
    cropped = header.format in ("HEIF", "RAW")  # by its boxes; a preview has another border
    if cropped and pixels.shape[0] * pixels.shape[1] <= 1.2 * header.width * header.height:
        sides.add((header.height, header.width))
    if (header.height, header.width) not in sides:
        return f"wrong: {pixels.shape} is not {header.width}x{header.height}"
    if picture.alpha is not None and picture.alpha.shape != pixels.shape[:2]:
        return f"wrong: alpha {picture.alpha.shape} of {pixels.shape}"
    return "picture"


def main(seed: int, first: int, count: int, step: int, beat: str) -> None:
    """Decode and count."""
    with open(beat, "r+b") as file:
        at = mmap.mmap(file.fileno(), 16)
    corpus()
    confine([], [], _MEMORY)
    seen: Counter[str] = Counter()
    wrong = []
    for number in range(first, first + count * step, step):
        struct.pack_into("<q", at, 0, number)
        how, data = mutated(seed, number)
        try:
            what = outcome(data)
        except Exception as error:
            what = f"wrong: {type(error).__name__}: {error}"
        if what.startswith("wrong"):
            wrong.append(f"{number} ({how}): {what}")
            what = "wrong"
        seen[what] += 1
    print(json.dumps({"seen": seen, "wrong": wrong}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
