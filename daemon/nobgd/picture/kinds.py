"""Which of the formats that nobgd reads a file is by its magic bytes, or what else it is."""

from __future__ import annotations

from nobgd.values import Code, NobgdError
from nobgd.values.errands import FORMATS as FORMATS

_READS = "nobgd reads JPEG, HEIC, AVIF, PNG, WebP, TIFF, GIF, BMP and camera raw"
_CAMERAS: tuple[tuple[int, bytes], ...] = (  # offset, magic of raw photos that are no TIFF by it
    (0, b"FUJIFILMCCD-RAW"),
    (0, b"IIU\0"),  # Panasonic, Leica
    (0, b"IIRO"), (0, b"IIRS"), (0, b"MMOR"),  # Olympus
    (0, b"FOVb"),  # Sigma
    (0, b"\0MRM"),  # Minolta
    (6, b"HEAPCCDR"),  # Canon, before CR2
    (4, b"ftypcrx "),  # Canon, CR3
)  # fmt: skip
_BMP_HEADERS = [size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124)]
_AVIF = (b"avif", b"avis")
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_OTHERS: tuple[tuple[int, bytes, str], ...] = (  # offset, magic, name: to say what it is instead
    (0, b"8BPS", "a Photoshop document"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript file"),
    (0, b"%PDF", "a PDF"),
    (0, b"<svg", "an SVG"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (4, b"ftyp", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
)
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def kind_of(data: bytes) -> str:
    """One of `FORMATS`; raises `NobgdError` for anything else.

    Many raw photos begin like a TIFF and are told by their tags (`header`); here they are TIFF.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:4] in _TIFF_MAGIC:
        if data[8:10] == b"CR":
            return "RAW"
        return "TIFF"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[:2] == b"BM" and data[14:18] in _BMP_HEADERS:
        return "BMP"
    if any(data.startswith(magic, offset) for offset, magic in _CAMERAS):
        return "RAW"
    if kind := _by_brand(data):
        return kind
    for offset, magic, name in _OTHERS:
        if data.startswith(magic, offset):
            raise unsupported(name)
    if not data[:4096].strip(b"\0"):
        raise NobgdError(Code.TRUNCATED, "the file begins with zeros; copy the original again")
    if _begins(data.rstrip(b"\0")[:12]):
        raise NobgdError(Code.TRUNCATED, "only the first bytes are there; copy the original again")
    raise NobgdError(
        Code.NOT_A_PICTURE,
        f"this is not a picture, whatever its name says; {_READS}: copy the original again",
    )


def _by_brand(data: bytes) -> str | None:
    """HEIF or AVIF by the brands of the first box; the major one counts where it says which."""
    if data[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(data[:4], "big"), len(data))
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))]
    for brand in brands:
        if brand in _AVIF:
            return "AVIF"
        if brand in _HEIF and brand not in (b"mif1", b"msf1"):
            return "HEIF"
    return "HEIF" if brands[0] in _HEIF else None


def _begins(head: bytes) -> bool:
    """Whether ``head``, less than a magic, is how one of them begins."""
    if head[:4] == b"RIFF":
        return b"WEBP".startswith(head[8:])
    magics = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF89a", *_TIFF_MAGIC)
    return any(magic.startswith(head) for magic in magics)


def unsupported(name: str) -> NobgdError:
    """The refusal of a picture of another kind."""
    return NobgdError(
        Code.UNSUPPORTED, f"this is {name}; {_READS}: export it as one of these and drop that"
    )


def other_layout(name: str) -> NobgdError:
    """The refusal of one of them in a layout that is not known to be decoded right."""
    return NobgdError(
        Code.UNSUPPORTED, f"this is {name}, which nobgd does not read; export it as 8-bit RGB"
    )
