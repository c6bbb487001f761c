"""From a finished cut-out to what the output shows: frame, size, ground; pure."""

from nobgd.picture.rendering.frame import Frame, frame, subject
from nobgd.picture.rendering.page import Page, render

__all__ = ["Frame", "Page", "frame", "render", "subject"]
