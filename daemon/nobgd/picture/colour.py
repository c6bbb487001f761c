"""What colours a picture's numbers mean, and how those that are no RGB become it.

CMYK and grey with a profile of their own become sRGB by relative colorimetry with black point
compensation, as printers' and photographers' programs do it; CMYK without a profile is taken
for ink on coated paper (`profiles/README.md`).  Lab is computed.
"""

from __future__ import annotations

import io
import struct
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from nobgd.picture.levels import Bytes

HEADER_BYTES = 128  # ICC.1:2022, 7.2; the colour space is at 16
_BANDS = 128
_CURVE = 1024  # points of sRGB's curve in a profile: its levels are met within 0.0001
_D50 = np.array([0.9642, 1.0, 0.8249])
# D50 to linear sRGB, Bradford (IEC 61966-2-1 and ICC.1:2022 annex E)
_TO_SRGB = np.array(
    [[3.1341359, -1.6173863, -0.4906619], [-0.9787955, 1.9162544, 0.0334427],
     [0.0719550, -0.2289769, 1.4053860]]
)  # fmt: skip


class Painted(NamedTuple):
    """Pixels as RGB, and what is known of their colours."""

    rgbx: Bytes  # (H, W, 4) uint8, the fourth byte 255
    alpha: Bytes | None = None  # (H, W) uint8; None where nothing is transparent
    icc: bytes | None = None  # the profile that these numbers are in; None: sRGB or unsaid
    assumed: tuple[str, ...] = ()  # what the file left open
    seen: Bytes | None = None  # (H, W, 4): what the model gets, if not these pixels
    changed: bool = False  # a profile was applied: what else the file says of colour is past
    deep: npt.NDArray[np.uint16] | None = None  # (H, W, 4): the same and alpha, in 16 bits


def space(icc: bytes | None) -> bytes:
    """The colour space that a profile is of, such as ``b"RGB "``; empty where there is none."""
    return icc[16:20] if icc and len(icc) >= HEADER_BYTES else b""


class ToSrgb:
    """A profile's colours to sRGB, 8 bits to 8 bits; raises ValueError for one that is unfit."""

    def __init__(self, icc: bytes, mode: str) -> None:
        self._mode = mode
        try:
            self._transform = ImageCms.buildTransform(
                ImageCms.ImageCmsProfile(io.BytesIO(icc)),
                ImageCms.createProfile("sRGB"),
                mode, "RGB",
                ImageCms.Intent.RELATIVE_COLORIMETRIC,
                ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )  # fmt: skip
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
            raise ValueError(f"the profile cannot be used: {error}") from error

    def __call__(self, values: Bytes) -> Bytes:
        """(n, W) or (n, W, C) uint8 to (n, W, 3) uint8."""
        image = Image.fromarray(np.ascontiguousarray(values), self._mode)
        return np.asarray(self._transform.apply(image))


def of_cmyk(icc: bytes | None) -> tuple[ToSrgb, bool]:
    """What turns CMYK (0 is no ink) into sRGB, and whether a profile was assumed for it."""
    if space(icc) == b"CMYK":
        try:
            return ToSrgb(icc or b"", "CMYK"), False
        except ValueError:
            pass
    return ToSrgb(coated(), "CMYK"), True


def plain(inks: Bytes) -> Bytes:
    """CMYK as the light that each ink leaves, (n, W, 4) to (n, W, 3): what the model is shown.

    rembg shows it this (Pillow's `convert`), and the mask shall be the same.
    """
    left = 255 - inks[..., 3:].astype(np.uint32)
    out: Bytes = (left - (inks[..., :3] * left + 127) // 255).astype(np.uint8)
    return out


def of_grey(icc: bytes | None) -> ToSrgb | None:
    """What turns grey into sRGB by its own profile; None where it has none that can be used."""
    if space(icc) != b"GRAY":
        return None
    try:
        return ToSrgb(icc or b"", "L")
    except ValueError:
        return None


@cache
def coated() -> bytes:
    """The bundled profile for CMYK without one: offset on coated paper, FOGRA39."""
    return resources.files(__package__).joinpath("profiles", "coated.icc").read_bytes()


def srgb_of_lab(lab: npt.NDArray[Any]) -> Bytes:
    """CIELAB of D50, (n, W, 3) floats with L from 0 to 100, as sRGB uint8.

    Source: CIE 15:2004, 8.2.1.1; IEC 61966-2-1.  Colours that sRGB has not are clipped.
    """
    lab = lab.astype(np.float32)
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _D50
    linear = np.clip(xyz @ _TO_SRGB.T, 0, 1)
    out: Bytes = np.rint(encoded(linear) * 255).astype(np.uint8)
    return out


def encoded(linear: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Linear light, 0 to 1, by sRGB's curve (IEC 61966-2-1)."""
    curve = 1.055 * np.power(np.maximum(linear, 1e-9), 1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, curve)


def _linear(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The inverse of `encoded`."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


@cache
def adobe_rgb() -> bytes:
    """A profile of the colours of Adobe RGB (1998), made here from its published definition.

    ICC version 2, matrix and gamma.  Source: Adobe RGB (1998) Color Image Encoding, 4.3:
    primaries, a white of D65 and a gamma of 2 51/256; adapted to D50 by Bradford's matrix.
    """
    primaries = np.array([[0.64, 0.33], [0.21, 0.71], [0.15, 0.06]])
    return matrix_profile("compatible with Adobe RGB (1998)", primaries, 563)


def matrix_profile(name: str, primaries: npt.NDArray[Any], gamma_256: int | None) -> bytes:
    """A profile of these primaries, (3, 2) x and y, with a white of D65.

    ``gamma_256`` is the curve's exponent times 256; None is sRGB's curve.
    """
    bradford = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    white = _xyz(0.3127, 0.3290)
    matrix = np.stack([_xyz(x, y) for x, y in primaries], axis=1)
    matrix = matrix * np.linalg.solve(matrix, white)
    adapt = np.linalg.inv(bradford) @ np.diag(bradford @ _D50 / (bradford @ white)) @ bradford
    columns = (adapt @ matrix).T
    copyright_ = b"text\0\0\0\0No copyright, use freely\0"
    if gamma_256 is None:
        levels = np.rint(_linear(np.linspace(0, 1, _CURVE)) * 65535).astype(">u2").tobytes()
        curve = struct.pack(">4sII", b"curv", 0, _CURVE) + levels
    else:
        curve = struct.pack(">4sIIH", b"curv", 0, 1, gamma_256)
    bodies = {b"desc": described(name), b"cprt": copyright_, b"wtpt": xyz_tag(_D50)}
    bodies |= dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz_tag, columns), strict=True))
    bodies |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return profile(b"mntr", b"RGB ", b"XYZ ", bodies)


def profile(kind: bytes, colours: bytes, connection: bytes, bodies: dict[bytes, bytes]) -> bytes:
    """An ICC profile, version 2.4, of these tags (ICC.1:2001-04, 6.1 and 6.3)."""
    at = HEADER_BYTES + 4 + 12 * len(bodies)
    table, data, places = b"", b"", {}
    for tag, body in bodies.items():
        if body not in places:  # tags may share their body
            places[body] = at + len(data)
            data += body + bytes(-len(body) % 4)
        table += struct.pack(">4sII", tag, places[body], len(body))
    head = struct.pack(
        ">I4sI4s4s4s6H4s4sI4s4sQI3I", at + len(data), bytes(4), 0x02400000, kind, colours,
        connection, 2020, 1, 1, 0, 0, 0, b"acsp", bytes(4), 0, bytes(4), bytes(4), 0, 1,
        *(round(part * 65536) for part in _D50),
    )  # fmt: skip
    return head.ljust(HEADER_BYTES, b"\0") + struct.pack(">I", len(bodies)) + table + data


def _xyz(x: float, y: float) -> npt.NDArray[Any]:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def described(name: str) -> bytes:
    """A profile's description, in ASCII alone (textDescriptionType)."""
    text = name.encode("ascii")
    return struct.pack(">4sII", b"desc", 0, len(text) + 1) + text + bytes(1 + 4 + 4 + 2 + 1 + 67)


def xyz_tag(values: npt.NDArray[Any]) -> bytes:
    """One colour as XYZType."""
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(float(v) * 65536) for v in values))
