"""The admission test: a picture that every machine makes a mask of, and how far masks may differ.

A machine with other weights, a driver that rounds, a library that computes rubbish would change
masks without a word.  So a machine's mask of this picture is compared with home's own before it
gets its first question.  The limits let the engines pass, whose fp32 masks differ by less than
1e-3 before they are cut to bytes, and no arithmetic of ten bits, such as TF32 where it matters.
"""

from __future__ import annotations

MEAN, MOST = 1.0, 3  # of 255


def picture(side: int) -> bytes:
    """A lit ball on a wall with a floor, (side, side, 3) uint8, made of whole numbers only."""
    middle_x, middle_y, radius = side * 9 // 20, side // 2, side * 3 // 10
    light_x, light_y = side * 7 // 20, side * 2 // 5
    rows = bytearray()
    for y in range(side):
        wall = 170 - 40 * y // side if y < side * 3 // 4 else 105
        for x in range(side):
            if (x - middle_x) ** 2 + (y - middle_y) ** 2 < radius**2:
                far = ((x - light_x) ** 2 + (y - light_y) ** 2) * 180 // (side * side)
                rows += bytes((max(40, 235 - far), max(15, 70 - far), 45))
            else:
                grain = (x * 7 + y * 13) % 11
                rows += bytes((wall + grain, wall + grain - 4, wall + grain - 9))
    return bytes(rows)


def differs(mask: bytes, ours: bytes) -> str | None:
    """By how much a mask is not ours, in a sentence; None: it is near enough."""
    if len(mask) != len(ours) or not ours:
        return "its mask of the test picture has another size"
    far = [abs(one - other) for one, other in zip(mask, ours, strict=True)]
    mean, most = sum(far) / len(far), max(far)
    if mean <= MEAN and most <= MOST:
        return None
    return (
        f"its mask of the test picture differs from ours by {mean:.1f} of 255 in the mean and"
        f" {most} at most; {MEAN:.0f} and {MOST} are allowed"
    )
