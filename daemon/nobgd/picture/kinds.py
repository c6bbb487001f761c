"""Which of the four formats a file is by its magic bytes, or what else it is."""

from __future__ import annotations

from nobgd.values import Code, NobgdError

_READS = "nobgd reads JPEG, PNG, WebP and TIFF"
_OTHERS: tuple[tuple[int, bytes, str], ...] = (  # offset, magic, name: to say what it is instead
    (0, b"GIF8", "a GIF"),
    (0, b"BM", "a BMP"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript file"),
    (0, b"%PDF", "a PDF"),
    (0, b"<svg", "an SVG"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (0, b"FUJIFILMCCD-RAW", "a raw photo"),
    (0, b"IIU\0", "a raw photo"),
    (0, b"IIRO", "a raw photo"),
    (0, b"FOVb", "a raw photo"),
    (4, b"ftypcrx", "a raw photo"),
    (4, b"ftypavif", "an AVIF picture"),
    (4, b"ftypavis", "an AVIF picture"),
    (4, b"ftyphei", "a HEIC picture"),
    (4, b"ftyphev", "a HEIC picture"),
    (4, b"ftypmif1", "a HEIC picture"),
    (4, b"ftypmsf1", "a HEIC picture"),
    (4, b"ftyp", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
)
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def kind_of(data: bytes) -> str:
    """JPEG, PNG, WEBP or TIFF; raises `NobgdError` for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:4] in _TIFF_MAGIC:
        if data[8:10] == b"CR":
            raise unsupported("a raw photo")
        return "TIFF"
    for offset, magic, name in _OTHERS:
        if data.startswith(magic, offset):
            raise unsupported(name)
    if not data[:4096].strip(b"\0"):
        raise NobgdError(Code.TRUNCATED, "the file begins with zeros; copy the original again")
    if _begins(data.rstrip(b"\0")[:12]):
        raise NobgdError(Code.TRUNCATED, "only the first bytes are there; copy the original again")
    raise NobgdError(
        Code.NOT_A_PICTURE,
        f"this is not a picture, whatever its name says;"
        f" {_READS}: copy the original again",
    )


def _begins(head: bytes) -> bool:
    """Whether ``head``, less than a magic, is how one of the four begins."""
    if head[:4] == b"RIFF":
        return b"WEBP".startswith(head[8:])
    magics = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", *_TIFF_MAGIC)
    return any(magic.startswith(head) for magic in magics)


def unsupported(name: str) -> NobgdError:
    """The refusal of a picture of another kind."""
    return NobgdError(
        Code.UNSUPPORTED, f"this is {name}; {_READS}: export it as one of these and drop that"
    )


def other_layout(name: str) -> NobgdError:
    """The refusal of one of the four in a layout that is not known to be decoded right."""
    return NobgdError(
        Code.UNSUPPORTED, f"this is {name}, which nobgd does not read; export it as 8-bit RGB"
    )
