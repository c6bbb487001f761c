"""The compressed strips and tiles of a TIFF, each unpacked to its very end and its check.

Libtiff stops when a strip is full: it reads no Adler-32 and no end of a frame, and where a
stream breaks off it leaves zeros.
"""

from __future__ import annotations

import contextlib
import lzma
import os
import sys
from collections.abc import Iterator

from isal import isal_zlib

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from nobgd.picture import jpeg, jpeg_scan
from nobgd.values import Code, NobgdError

DEFLATE, LZMA, ZSTANDARD = (8, 32946), 34925, 50000
OURS = (*DEFLATE, LZMA, ZSTANDARD)
_MORE = 1 << 20  # unpacked at once beyond the strip's rows
_MOST_MORE = 64 << 20  # some writers fill the last strip up with rows that are not the picture's
_LZMA_MEMORY = 256 << 20  # twice what its strongest setting takes
_INFLATE_ERROR: type[Exception] = isal_zlib.error  # type: ignore[assignment]


def unpacked(body: bytes, compression: int, wanted: int) -> bytes:
    """The ``wanted`` bytes of a strip or tile packed with one of `OURS`.

    Raises `NobgdError` BROKEN if there are fewer, or the stream is not right to its end.
    """
    try:
        match compression:
            case 50000:
                return _to_the_end(zstd.ZstdDecompressor(), body, wanted)
            case 34925:
                unpack = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY)
                return _to_the_end(unpack, body, wanted)
            case _:
                return _deflate(body, wanted)
    except (_INFLATE_ERROR, zstd.ZstdError, lzma.LZMAError, EOFError) as error:
        raise _broken(str(error)) from error


def _deflate(body: bytes, wanted: int) -> bytes:
    unpack = isal_zlib.decompressobj()
    out = bytes(unpack.decompress(body, wanted))
    more = 0
    while not unpack.eof and more < _MOST_MORE:
        part = unpack.decompress(unpack.unconsumed_tail, _MORE)
        more += len(part)
        if not part:
            break
    if len(out) < wanted or not unpack.eof:
        raise _broken("the stream of a strip has no end")
    return out


def _to_the_end(
    unpack: lzma.LZMADecompressor | zstd.ZstdDecompressor, body: bytes, wanted: int
) -> bytes:
    out = unpack.decompress(body, wanted)
    while len(out) < wanted and not unpack.eof and (part := unpack.decompress(b"", wanted)):
        out += part
    more = 0
    while not unpack.eof and more < _MOST_MORE and (part := unpack.decompress(b"", _MORE)):
        more += len(part)
    if len(out) < wanted or not unpack.eof:
        raise _broken("the stream of a strip has no end")
    return out[:wanted]


def check_jpeg(body: bytes, tables: bytes) -> None:
    """Raises `NobgdError` BROKEN if data of a strip that is a JPEG were lost.

    ``tables`` is what all strips share, a JPEG without a picture (TIFF technical note 2).
    """
    whole = tables.removesuffix(jpeg_scan.EOI) + body[2:] if len(tables) > 4 else body
    found = jpeg_scan.survey(whole)
    if found.damage:
        raise _broken(found.damage)
    jpeg.check(found.data)


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """Listen to what libtiff prints on stderr meanwhile, its only word of lines that it guessed.

    Raises `NobgdError` BROKEN if it spoke of an error.  A lane has one photo at a time and no
    other thread that prints; what comes here is not for the journal.
    """
    ear, mouth = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    stderr = os.dup(2)
    try:
        os.dup2(mouth, 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
        said = b""
        with contextlib.suppress(BlockingIOError):
            said = os.read(ear, 1 << 16)
    finally:
        for each in (ear, mouth, stderr):
            os.close(each)
    wrong = [line for line in said.decode("utf-8", "replace").splitlines() if _is_error(line)]
    if wrong:
        raise _broken(wrong[0][:100].rstrip("."))


def _is_error(line: str) -> bool:
    return "Decode" in line and "warning" not in line.lower()


def _broken(what: str) -> NobgdError:
    return NobgdError(
        Code.BROKEN, f"the picture is damaged ({what}); copy or export the original again"
    )
