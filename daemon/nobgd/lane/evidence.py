"""What the original must stay for, from what was seen while it was cut out; pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nobgd.values import Code

LEAST_CONFIDENCE = 0.5  # photos without a subject have 0.00 to 0.15, those with one 0.98
_VISIBLE = 26  # of 255: a tenth
_ROWS = 64  # looked at in one go


def keep(
    complaints: Sequence[str], more: tuple[Code, str] | None, confidence: float, *,
    visible: bool,
) -> str:  # fmt: skip
    """The code by which an original stays, "" when it may go.

    ``complaints`` are the decoder's, ``more`` is `extent.more`'s.
    """
    if complaints:
        return Code.DAMAGED
    if confidence < LEAST_CONFIDENCE or not visible:
        return Code.NOTHING_FOUND
    return more[0] if more is not None else ""


def visible(alpha: NDArray[np.uint8]) -> bool:
    """Whether anything of an (H, W) mask of 0 to 255 can be seen; ends where the first is."""
    return any(
        bool((alpha[row : row + _ROWS] >= _VISIBLE).any()) for row in range(0, len(alpha), _ROWS)
    )
