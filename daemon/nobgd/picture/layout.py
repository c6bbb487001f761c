"""Which layouts of a TIFF are known to be decoded right, and what the others are called.

Every row of the tables below was compared with other decoders (tests/faults/rows/
decoders_agree.py); whatever is not in them is refused by its name before a pixel is decoded.
Source of numbers: TIFF 6.0 with its supplements; libtiff's registered compressions.
"""

from __future__ import annotations

from dataclasses import dataclass

from nobgd.picture.directory import MOST_BLOCKS, Cut, Directory

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
NONE, FAX_RLE, FAX_3, FAX_4, JPEG, PACKED = 1, 2, 3, 4, 7, 32773
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
_CHANNELS = {0: 1, 1: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, CIELAB: 3, ICCLAB: 3}
_LOSSLESS = {NONE, 5, 8, PACKED, 32946, 34925, 50000}  # LZW, Deflate, PackBits, LZMA, Zstandard
_MOST_BITS = 128  # of a pixel: RGB and alpha of 32 bits
_FAX = {FAX_RLE, FAX_3, FAX_4}

# photometric: bits and sample formats
_GREY = {(bits, UNSIGNED) for bits in (1, 2, 4, 8, 10, 12, 14, 16, 32)} | {
    (32, SIGNED), (16, FLOAT), (32, FLOAT), (64, FLOAT)
}  # fmt: skip
_SAMPLES: dict[int, set[tuple[int, int]]] = {
    WHITE_IS_ZERO: {(bits, UNSIGNED) for bits in (1, 2, 4, 8, 16)},
    BLACK_IS_ZERO: _GREY,
    RGB: {(bits, UNSIGNED) for bits in (2, 4, 8, 10, 12, 14, 16, 32)},
    PALETTE: {(bits, UNSIGNED) for bits in (1, 2, 4, 8)},
    CMYK: {(8, UNSIGNED), (16, UNSIGNED)},
    YCBCR: {(8, UNSIGNED)},
    CIELAB: {(8, UNSIGNED), (16, UNSIGNED), (8, SIGNED), (16, SIGNED)},
    ICCLAB: {(8, UNSIGNED), (16, UNSIGNED)},
}
_PHOTOMETRICS = {
    WHITE_IS_ZERO: "grey with white as zero", BLACK_IS_ZERO: "grey", RGB: "RGB",
    PALETTE: "palette", 4: "a transparency mask", CMYK: "CMYK", YCBCR: "YCbCr", CIELAB: "Lab",
    ICCLAB: "ICC Lab", 10: "ITU Lab", 32844: "LogL", 32845: "LogLuv", 32803: "a raw sensor's",
    34892: "a raw photo's", 51177: "a depth map",
}  # fmt: skip
_COMPRESSIONS = {
    FAX_RLE: "CCITT RLE", FAX_3: "CCITT Group 3", FAX_4: "CCITT Group 4", 5: "LZW",
    6: "JPEG in its old style (compression 6)", JPEG: "JPEG", 8: "Deflate", 9: "JBIG",
    10: "JBIG", 32766: "NeXT", 32771: "CCITT RLE by words", PACKED: "PackBits",
    32809: "ThunderScan", 32946: "Deflate", 33003: "JPEG 2000", 33004: "JPEG 2000",
    33005: "JPEG 2000", 34661: "JBIG", 34663: "JBIG 2", 34676: "SGILog", 34677: "SGILog 24",
    34712: "JPEG 2000", 34887: "LERC", 34892: "lossy JPEG", 34925: "LZMA", 34933: "PNG",
    34934: "JPEG XR", 50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
_FORMATS = {
    UNSIGNED: "",
    SIGNED: "signed ",
    FLOAT: "float ",
    4: "undefined ",
    5: "complex ",
    6: "complex ",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pixels of one page lie in its file."""

    width: int
    height: int
    bits: int  # of one sample
    format: int
    samples: int  # of one pixel
    planes: bool  # each channel by itself
    photometric: int
    compression: int
    predictor: int
    reversed_bits: bool
    order: str  # of the bytes of a sample: < or >
    extra: tuple[int, ...]  # what the samples beyond the colour are: 0 unsaid, 1, 2 alpha
    orientation: int
    tiled: bool
    block: tuple[int, int]  # rows and columns of a strip or tile
    odd: str = ""  # what else nobgd has no answer to

    @property
    def channels(self) -> int:
        """How many samples of a pixel are its colour."""
        return _CHANNELS[self.photometric]

    @property
    def alpha(self) -> tuple[int, bool] | None:
        """Which sample is the alpha, and whether colours are multiplied with it."""
        for number, kind in enumerate(self.extra):
            if kind in (1, 2):
                return self.samples - len(self.extra) + number, kind == 1
        return None


def of(directory: Directory) -> Layout:
    """The layout that the tags tell; raises `Cut` or ValueError where they make no sense."""
    width, height = directory.number(256, 0), directory.number(257, 0)
    samples = directory.number(277, 1)
    photometric = directory.number(262, -1)
    bits = directory.numbers(258, (1,))
    if not all(bits):
        raise Cut("the depth of the samples is still zero")
    formats = directory.numbers(339, (UNSIGNED,))
    tiled = 324 in directory.entries
    block = (directory.number(323, 0), directory.number(322, 0))
    if not tiled:
        block = (min(directory.number(278, height), height), width)
    colour = _CHANNELS.get(photometric, samples)
    said = directory.numbers(338)[: max(samples - colour, 0)]
    extra = (*said, *(0,) * (samples - colour - len(said)))
    return Layout(
        width=width, height=height, bits=bits[0], format=formats[0], samples=samples,
        planes=directory.number(284, 1) == 2 and samples > 1, photometric=photometric,
        compression=directory.number(259, 1), predictor=directory.number(317, 1),
        reversed_bits=directory.number(266, 1) == 2, order=directory.order, extra=extra,
        orientation=directory.number(274, 1), tiled=tiled, block=block,
        odd=_odd(directory, samples, bits, formats, photometric),
    )  # fmt: skip


def refusal(layout: Layout) -> str | None:
    """What the layout is called if it is not known to be decoded right; else None."""
    if layout.odd:
        return layout.odd
    how = _PHOTOMETRICS.get(layout.photometric, f"photometric {layout.photometric}")
    kind = f"{layout.bits}-bit {_FORMATS.get(layout.format, 'odd ')}{how}"
    packed = _COMPRESSIONS.get(layout.compression, f"compression {layout.compression}")
    if (layout.bits, layout.format) not in _SAMPLES.get(layout.photometric, ()):
        return kind
    if layout.samples < layout.channels:
        return f"{how} of {layout.samples} channels"
    if layout.samples - layout.channels > 4 or layout.samples * layout.bits > _MOST_BITS:
        return f"{layout.samples} channels of {layout.bits} bits"
    if layout.compression in _FAX:
        known = layout.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO) and layout.samples == 1
        return None if known and layout.bits == 1 else f"{kind} compressed as {packed}"
    if layout.compression == JPEG:
        known = layout.bits == 8 and layout.samples == layout.channels and not layout.planes
        known = known and layout.photometric in (BLACK_IS_ZERO, RGB, YCBCR)
        return None if known else f"{kind} compressed as {packed}"
    if layout.compression not in _LOSSLESS:
        return f"{packed} compression"
    return _refused_predictor(layout, kind)


def _refused_predictor(layout: Layout, kind: str) -> str | None:
    known = {1: True, 2: layout.format != FLOAT and layout.bits in (8, 16, 32)}
    known[3] = layout.format == FLOAT
    if layout.compression in (NONE, PACKED) and layout.predictor == 2:
        return f"{kind} with a predictor and without a compression that has one"
    return None if known.get(layout.predictor) else f"{kind} with predictor {layout.predictor}"


def _odd(
    directory: Directory, samples: int, bits: tuple[int, ...], formats: tuple[int, ...],
    photometric: int,
) -> str:  # fmt: skip
    """Whatever a table of numbers cannot say."""
    compression = directory.number(259, 1)
    if samples < 1 or len(set(bits)) > 1 or len(set(formats)) > 1:
        return f"channels of {', '.join(map(str, bits[:8]))} bits"
    if len(directory.blocks[0]) > MOST_BLOCKS:
        return f"{len(directory.blocks[0]):,} strips"
    if directory.number(284, 1) not in (1, 2):
        return f"planar configuration {directory.number(284, 1)}"
    if photometric == CMYK and directory.number(332, 1) != 1:
        return "inks other than CMYK"
    if photometric == CMYK and directory.numbers(336, (0, 255))[:2] not in (
        (0, 255), (0, 65535), (0, 2 ** bits[0] - 1),
    ):  # fmt: skip
        return "CMYK with a dot range"
    if photometric == YCBCR and compression != JPEG:
        if directory.numbers(530, (2, 2)) != (1, 1):
            return "YCbCr with halved colours and without JPEG"
        full = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)
        if (directory.ratios(532) or full) != full:
            return "YCbCr of video levels"
        luma = directory.ratios(529) or (0.299, 0.587, 0.114)
        if max(abs(a - b) for a, b in zip(luma, (0.299, 0.587, 0.114), strict=False)) > 1e-3:
            return "YCbCr with coefficients of its own"
    return ""
