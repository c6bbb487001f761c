"""Makes nobgd/picture/profiles/coated.icc: ``python -m picture.coated`` with tests/ on the path.

From the measured patches of FOGRA39L.ti3 (its header says how they were printed and measured)
to a profile that only goes from ink to colour: nobgd never prints.  Between the patches a
spline in all four inks is taken, which goes through every one of them.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nobgd.picture import colour

Floats = npt.NDArray[np.float64]
D50 = np.array([0.9642, 1.0, 0.8249])
LEVELS = np.array([0, 10, 20, 30, 40, 55, 70, 85, 100], np.float64)  # of ink, percent
_CURVE = 256  # entries from ink to the place between two levels
_DATA = Path(__file__).with_name("FOGRA39L.ti3")
_PLACE = Path(colour.__file__).with_name("profiles") / "coated.icc"


def patches() -> tuple[Floats, Floats]:
    """Inks in percent, (n, 4), and CIELAB relative to the paper, (n, 3); each patch once."""
    lines = _DATA.read_text().splitlines()
    begin, end = lines.index("BEGIN_DATA"), lines.index("END_DATA")
    table = np.array(
        [[float(word) for word in line.split()[1:]] for line in lines[begin + 1 : end]]
    )
    inks, where = np.unique(table[:, :4], axis=0, return_inverse=True)
    counts = np.bincount(where.ravel())[:, None]
    xyz = np.stack([np.bincount(where.ravel(), table[:, 4 + n]) for n in range(3)], axis=1) / counts
    return inks, lab(xyz / xyz[0])  # the first has no ink: it is the paper


def lab(xyz: Floats) -> Floats:
    """CIELAB of tristimulus values relative to their white (CIE 15:2004, 8.2.1.1)."""
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f[:, 0], f[:, 1], f[:, 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def spline(inks: Floats, values: Floats) -> Any:
    """Colour of any mixture of the inks."""
    from scipy.interpolate import RBFInterpolator  # a second, and only who makes it anew asks

    return RBFInterpolator(inks / 100, values, kernel="cubic", smoothing=1e-6)


def build() -> bytes:
    """The profile: one table of 16 bits, 9 levels of each ink."""
    inks, values = patches()
    grid = np.stack(np.meshgrid(*[LEVELS] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    nodes = spline(inks, values)(grid / 100)
    curve = np.interp(np.linspace(0, 100, _CURVE), LEVELS, np.linspace(0, 1, len(LEVELS)))
    encoded = np.stack(
        [nodes[:, 0] * 0xFF00 / 100, *((nodes[:, n] + 128) * 256 for n in (1, 2))], 1
    )
    words = np.rint(np.clip(encoded, 0, 65535)).astype(">u2")
    table = struct.pack(">4sI4B", b"mft2", 0, 4, 3, len(LEVELS), 0)
    table += struct.pack(">9i", *(65536, 0, 0, 0, 65536, 0, 0, 0, 65536))
    table += struct.pack(">2H", _CURVE, 2)
    table += np.rint(curve * 65535).astype(">u2").tobytes() * 4
    table += words.tobytes() + struct.pack(">6H", *(0, 65535) * 3)
    return colour.profile(b"scnr", b"CMYK", b"Lab ", {
        b"desc": colour.described("Coated paper, from FOGRA39L"),
        b"cprt": b"text\0\0\0\0Made for nobgd from FOGRA39L.ti3, zlib licence\0",
        b"wtpt": colour.xyz_tag(D50),
        b"A2B0": table, b"A2B1": table,
    })  # fmt: skip


if __name__ == "__main__":
    _PLACE.write_bytes(build())
    print(f"{_PLACE}: {_PLACE.stat().st_size:,} bytes")
