"""Is the end of the file there?  Cheap signs that a picture is still being copied."""

from __future__ import annotations

from nobgd.picture import boxes, gif_blocks, jpeg_scan, png_chunks, webp_chunks
from nobgd.picture.header import Header


def finished(data: bytes, header: Header) -> bool:
    """Whether ``data`` reaches the end that its format announces.

    Bytes after the end (the film of a motion photo) do no harm; zeros instead of the end (a
    file that was given its size before its content) do.
    """
    match header.format:
        case "JPEG":
            return (header.survey_of(data) or jpeg_scan.survey(data)).ended
        case "PNG":
            return (header.survey_of(data) or png_chunks.survey(data)).ended
        case "WEBP":
            found = webp_chunks.survey(data)
            return len(data) >= header.needs and not found.cut and not found.zeros
        case "HEIF" | "AVIF":
            return len(data) >= header.needs and not boxes.of(data).unfilled(data)
        case "GIF":
            return gif_blocks.survey(data).ended
        case _:
            return len(data) >= header.needs
