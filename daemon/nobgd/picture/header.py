"""What a file says it is, read from its first bytes: the allow-list before any decoding.

Of Pillow's plugins only those named here are ever imported and each is called by its own class,
chosen by the magic bytes, so no other opener can be reached by a file with a lying name; libheif
and LibRaw are loaded when the first picture of theirs is met.  Pillow's own bomb
limits are off: they refuse real cameras.  Ours is the caller's, from `Header`.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from PIL import AvifImagePlugin, Image, ImageFile, PngImagePlugin
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from nobgd.picture import bitmap, boxes, camera, jpeg_scan, layouts, png_chunks
from nobgd.picture.directory import Cut, raw_photo
from nobgd.picture.kinds import kind_of
from nobgd.values import Code, NobgdError
from nobgd.values.article import an

Image.MAX_IMAGE_PIXELS = None  # 89 MP is a warning there, 179 MP an error: cameras have more
PngImagePlugin.MAX_TEXT_CHUNK = 16 << 20  # 1 MiB there: XMP and profiles of real files are larger

_OPENERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "WEBP": WebPImageFile,
    "TIFF": TiffImageFile,
    "AVIF": AvifImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
}
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # a thread for each core there; a lane has its share
_UNSUPPORTED = ("unknown pixel mode", "cannot handle", "unknown data organization", "unsupported")
_SHORT_HEADERS = 140  # bytes: those of GIF and BMP are there by then
_PADDING = 16  # zeros that a whole file may end in


Survey = jpeg_scan.Survey | png_chunks.Survey
_SURVEYS: dict[str, Callable[[bytes], Survey]] = {
    "JPEG": jpeg_scan.survey, "PNG": png_chunks.survey,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a picture before a pixel of it is decoded."""

    format: str  # one of `kinds.FORMATS`
    width: int  # pixels as stored, before the EXIF orientation
    height: int
    needs: int = 0  # the file is unfinished with fewer bytes than this
    survey: Survey | None = field(default=None, repr=False, compare=False)  # holds the bytes

    @property
    def megapixels(self) -> float:
        """Millions of pixels, in any orientation."""
        return self.width * self.height / 1e6

    def survey_of(self, data: bytes) -> Survey | None:
        """The survey of these very bytes, unless they are others, or of a format that has none."""
        return self.survey if self.survey is not None and self.survey.data is data else None


def look(data: bytes) -> Header:
    """Tell what ``data`` is from its magic bytes and header; nothing is decoded.

    Raises `NobgdError`: EMPTY; NOT_A_PICTURE; UNSUPPORTED for a picture of another kind;
    TRUNCATED when the file ends (or turns to zeros) inside its header, so that it may still be
    on its way; BROKEN when the header is whole and makes no sense.
    """
    if not data:
        raise NobgdError(Code.EMPTY, "the file is empty; copy the original again")
    kind = kind_of(data)
    try:
        if kind == "TIFF" and raw_photo(data):
            kind = "RAW"
        layouts.accept(data, kind)
        needs, survey = 0, _SURVEYS[kind](data) if kind in _SURVEYS else None
        if kind == "RAW":
            width, height, needs = camera.size(data)
        elif kind in ("HEIF", "AVIF"):
            found = boxes.of(data)
            (width, height), needs = found.size, found.needs
        elif kind == "BMP":
            width, height, needs = bitmap.size(data)
        elif kind == "TIFF":
            width, height, needs = layouts.of_tiff(data)
        elif kind == "WEBP":  # Pillow's opener allocates two canvases at once
            width, height = _webp_size(data)
            needs = int.from_bytes(data[4:8], "little") + 8
        else:
            with quiet(), open_picture(data, kind, survey=survey) as image:
                width, height = image.size
    except NobgdError:
        raise
    except Exception as error:
        raise _unreadable(data, kind, error) from error
    if width <= 0 or height <= 0:
        raise NobgdError(Code.BROKEN, f"{an(kind)} of {width}x{height} pixels; export it again")
    return Header(kind, width, height, needs, survey)


def open_picture(
    data: bytes, kind: str, complaints: list[str] | None = None, survey: Survey | None = None
) -> ImageFile.ImageFile:
    """Open ``data`` with the one plugin for ``kind``; raises what Pillow raises.

    What is harmless is repaired before Pillow sees it, and said in ``complaints``, to which
    reading the pixels may add.  A ``survey`` of a JPEG's or PNG's ``data`` saves one.
    """
    said = complaints if complaints is not None else []
    if kind == "PNG":
        chunks = survey if isinstance(survey, png_chunks.Survey) else png_chunks.survey(data)
        return _open_png(chunks, said)
    if kind == "JPEG":
        found = survey or jpeg_scan.survey(data)
        said += found.complaints
        try:
            return JpegImageFile(io.BytesIO(found.data))
        except Exception as error:
            bare = jpeg_scan.without_metadata(found.data)
            if bare is None:
                raise
            image = JpegImageFile(io.BytesIO(bare))
            said.append(f"metadata that cannot be read ({error})")
            return image
    return _OPENERS[kind](io.BytesIO(data))


def _open_png(found: png_chunks.Survey, complaints: list[str]) -> ImageFile.ImageFile:
    if not found.chunks or found.chunks[0][0] != b"IHDR":
        raise SyntaxError("no header chunk comes first")
    if not found.pixels:
        raise SyntaxError("no pixels")
    if found.damage and "IHDR" in found.damage:
        raise SyntaxError(found.damage)
    complaints += found.complaints
    return PngImageFile(png_chunks.Stream(found, complaints))  # type: ignore[arg-type]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Pillow's warnings about odd metadata out of the daemon's stderr."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height of the canvas (RFC 9649, 2.5 to 2.7)."""
    kind, body = data[12:16], data[20:30]
    if len(body) == 10:
        if kind == b"VP8X":
            return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:], "little")
        if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
            bits = int.from_bytes(body[6:], "little")
            return bits & 0x3FFF, bits >> 16 & 0x3FFF
        if kind == b"VP8L" and body[0] == 0x2F:
            bits = int.from_bytes(body[1:5], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise ValueError("no picture chunk")


def _unreadable(data: bytes, kind: str, error: Exception) -> NobgdError:
    """Why the header could not be read, as a code and a sentence."""
    said = str(error).strip() or type(error).__name__
    if isinstance(error, Cut) or _cut(data, kind):
        return NobgdError(
            Code.TRUNCATED, f"the {kind} ends inside its header; copy the original again"
        )
    if any(hint in said.lower() for hint in _UNSUPPORTED):
        return NobgdError(
            Code.UNSUPPORTED,
            f"a kind of {kind} that nobgd cannot read ({said}); export it as 8-bit RGB",
        )
    return NobgdError(Code.BROKEN, f"the header of the {kind} is damaged ({said}); export it again")


def _cut(data: bytes, kind: str) -> bool:
    """Whether a header that cannot be read is one whose rest has not arrived.

    More than a few zeros at the end of the file are taken for bytes that have not.
    """
    here = len(data.rstrip(b"\0"))
    if len(data) - here < _PADDING:
        here = len(data)
    match kind:
        case "TIFF" | "RAW":
            return data[:2] in (b"II", b"MM") and _tiff_directory_end(data) > here
        case "HEIF" | "AVIF":
            return False  # `Cut` tells
        case "GIF" | "BMP":
            return here < _SHORT_HEADERS
        case "WEBP":
            return int.from_bytes(data[4:8], "little") + 8 > here
        case "PNG":
            return not png_chunks.survey(data[:here]).pixels
        case _:
            return jpeg_scan.survey(data[:here]).scan is None


def _tiff_directory_end(data: bytes) -> int:
    """Where the first directory of a TIFF ends (TIFF 6.0, section 2; BigTIFF's is wider)."""

    def number(at: int, size: int) -> int:
        part = data[at : at + size]
        return int.from_bytes(part, "little" if data[:2] == b"II" else "big")

    if data[2:4] in (b"+\0", b"\0+"):
        at = number(8, 8)
        return at + 8 + 20 * max(number(at, 8), 1)
    at = number(4, 4)
    return at + 2 + 12 * max(number(at, 2), 1)
