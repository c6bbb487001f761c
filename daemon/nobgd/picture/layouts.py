"""Whether the layout of a file is known to be decoded right, told from its header alone.

What is not in the tables (`layout`, `jpeg_layout`) is refused by its name: a picture that is
decoded wrong and called done is worse than one that is not decoded.
"""

from __future__ import annotations

from nobgd.picture import jpeg_layout, layout
from nobgd.picture.directory import page
from nobgd.picture.kinds import other_layout


def accept(data: bytes, kind: str) -> None:
    """Raise `NobgdError`, UNSUPPORTED, for a layout that is not known to be decoded right.

    Raises `Cut` or ValueError for a header that is not whole or makes no sense.
    """
    if name := _refused(data, kind):
        raise other_layout(name)


def _refused(data: bytes, kind: str) -> str | None:
    if kind == "JPEG":
        return jpeg_layout.refusal(jpeg_layout.frame(data))
    if kind != "TIFF":
        return None
    directory = page(data)
    if directory.raw_photo or directory.reduced:
        return "a raw photo or a preview of one"
    name = layout.refusal(layout.of(directory))
    order = "big-endian " if directory.order == ">" else ""
    return name and f"a {order}{'BigTIFF' if directory.big else 'TIFF'} with {name}"


def of_tiff(data: bytes) -> tuple[int, int, int]:
    """Width and height in pixels as stored, and how many bytes the file must have."""
    directory = page(data)
    found = layout.of(directory)
    offsets, sizes = directory.blocks
    ends = offsets[: len(sizes)] + sizes[: len(offsets)]
    return found.width, found.height, int(ends.max()) if ends.size else 0
