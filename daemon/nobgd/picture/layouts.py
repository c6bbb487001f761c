"""Whether the layout of a file is known to be decoded right, told from its header alone.

What is not in the tables (`layout`, `jpeg_layout`) is refused by its name: a picture that is
decoded wrong and called done is worse than one that is not decoded.
"""

from __future__ import annotations

from nobgd.picture import bitmap, boxes, jpeg_layout, layout
from nobgd.picture.container import Container
from nobgd.picture.directory import page
from nobgd.picture.kinds import other_layout
from nobgd.values.article import an

_DEEPEST = 12  # bits of HEIF and AVIF


def accept(data: bytes, kind: str) -> None:
    """Raise `NobgdError`, UNSUPPORTED, for a layout that is not known to be decoded right.

    Raises `Cut` or ValueError for a header that is not whole or makes no sense.
    """
    if name := _refused(data, kind):
        raise other_layout(name)


def _refused(data: bytes, kind: str) -> str | None:
    if kind == "JPEG":
        return jpeg_layout.refusal(jpeg_layout.frame(data))
    if kind in ("HEIF", "AVIF"):
        return _of_boxes(boxes.of(data), kind)
    if kind == "BMP":
        return bitmap.refusal(data)
    if kind != "TIFF":
        return None
    directory = page(data)
    if directory.reduced:
        return "a TIFF of a preview alone"
    name = layout.refusal(layout.of(directory))
    order = "big-endian " if directory.order == ">" else ""
    return name and f"{an(order + ('BigTIFF' if directory.big else 'TIFF'))} with {name}"


_CODECS = {"HEIF": b"hvc1", "AVIF": b"av01"}
_CALLED = {
    b"avc1": "H.264", b"vvc1": "H.266", b"evc1": "EVC", b"jpeg": "JPEG", b"j2k1": "JPEG 2000",
    b"unci": "plain samples", b"hvc1": "HEVC", b"av01": "AV1",
}  # fmt: skip


def _of_boxes(found: Container, kind: str) -> str | None:
    if not found.items and found.frames:
        return f"{an(kind)} film without a still picture"
    name = f"{an(kind)} picture"
    for codec in found.codecs() or {found.picture.kind}:
        if codec != _CODECS[kind]:
            return f"{name} coded as {_CALLED.get(codec, ascii(codec)[2:-1])}"
    if found.bits > _DEEPEST:
        return f"{name} of {found.bits} bits"
    return None


def of_tiff(data: bytes) -> tuple[int, int, int]:
    """Width and height in pixels as stored, and how many bytes the file must have."""
    directory = page(data)
    found = layout.of(directory)
    offsets, sizes = directory.blocks
    ends = offsets[: len(sizes)] + sizes[: len(offsets)]
    return found.width, found.height, int(ends.max()) if ends.size else 0
