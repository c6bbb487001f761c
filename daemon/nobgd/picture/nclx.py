"""Colours that a file names by numbers (ITU-T H.273), as a profile or as PNG's cICP says them.

What is near sRGB needs neither; Display P3, BT.2020 and Adobe's primaries become a profile, which
every program knows; PQ and HLG have no profile that says them, so they go on as numbers.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from nobgd.picture import colour

_NAMES = {
    9: "BT.2020 primaries", 11: "DCI-P3 primaries with the white of D65",
    12: "Display P3 primaries",
}  # fmt: skip
_PRIMARIES = {  # H.273, table 2: those whose white is D65, red, green, blue; and P3's two names
    9: [[0.708, 0.292], [0.170, 0.797], [0.131, 0.046]],
    11: [[0.680, 0.320], [0.265, 0.690], [0.150, 0.060]],
    12: [[0.680, 0.320], [0.265, 0.690], [0.150, 0.060]],
}
_LINEAR, _GAMMA_22, _GAMMA_28, _PQ, _HLG = 8, 4, 5, 16, 18


def meaning(primaries: int, transfer: int) -> tuple[bytes | None, dict[bytes, bytes]]:
    """A profile, and chunks for a PNG; none of both for sRGB and what is taken for it."""
    if transfer in (_PQ, _HLG):
        return None, {b"cICP": bytes([min(primaries, 255), transfer, 0, 1])}
    if primaries not in _PRIMARIES and transfer not in (_LINEAR, _GAMMA_22, _GAMMA_28):
        return None, {}
    return _profile(primaries if primaries in _PRIMARIES else 1, transfer), {}


@cache
def _profile(primaries: int, transfer: int) -> bytes:
    chart = np.array(_PRIMARIES.get(primaries, [[0.640, 0.330], [0.300, 0.600], [0.150, 0.060]]))
    name = _NAMES.get(primaries, "BT.709 primaries")
    gamma = {_LINEAR: 256, _GAMMA_22: 563, _GAMMA_28: 717}.get(transfer)
    return colour.matrix_profile(name, chart, gamma)
