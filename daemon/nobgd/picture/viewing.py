"""How bright a picture's numbers look, where that is far from sRGB: for the model's eyes alone.

The model has learnt from sRGB.  Adobe RGB or Display P3 are near enough, and what it is shown of
them is what rembg shows it; linear light, PQ and HLG are not.  The output's pixels stay as they
are and keep what the file says of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from nobgd.picture.colour import ToSrgb, encoded
from nobgd.picture.levels import Bytes

_NEAR = 24  # levels of 255: gammas of 1.8 and 2.2 are nearer to sRGB than this
_LINEAR, _PQ, _HLG = 8, 16, 18  # cICP's transfer functions (ITU-T H.273, table 3)
_WHITE = 203.0  # nits that graphics white has in HDR (ITU-R BT.2408, 2.1)


def curve(icc: bytes | None, spoken: dict[bytes, bytes]) -> Bytes | None:
    """What each level looks like in sRGB, (256,) uint8; None where that is near to what it is.

    What counts where there are several: cICP, a profile, sRGB, gAMA (PNG, 3rd edition, 4.3).
    """
    if b"cICP" in spoken:
        return _far(_of_transfer(spoken[b"cICP"][1]))
    if icc:
        return _of_profile(icc)
    if b"sRGB" not in spoken and b"gAMA" in spoken:
        gamma = int.from_bytes(spoken[b"gAMA"], "big") / 100_000
        if 0.05 < gamma < 20:
            return _far(encoded(np.linspace(0, 1, 256) ** (1 / gamma)))
    return None


def _far(shown: npt.NDArray[Any] | None) -> Bytes | None:
    if shown is None:
        return None
    levels: Bytes = np.rint(shown.clip(0, 1) * 255).astype(np.uint8)
    off = np.abs(levels.astype(int) - np.arange(256)).max()
    return levels if off > _NEAR else None


def _of_transfer(number: int) -> npt.NDArray[Any] | None:
    value = np.linspace(0, 1, 256)
    if number == _LINEAR:
        return encoded(value)
    if number == _PQ:  # SMPTE ST 2084
        m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
        root = value ** (1 / m2)
        nits = 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
        return encoded((nits / _WHITE).clip(0, 1))
    if number == _HLG:  # ITU-R BT.2100, table 5, at 1,000 nits
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)
        return encoded((1000 * scene**1.2 / _WHITE).clip(0, 1))
    return None


@lru_cache(maxsize=8)
def _of_profile(icc: bytes) -> Bytes | None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, 256, 3)
    try:
        return _far(ToSrgb(icc, "RGB")(ramp)[0, :, 1] / 255)
    except ValueError:
        return None
