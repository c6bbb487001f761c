"""nobgd: drop a photo into a folder, get it back without its background."""

__version__ = "0.1.0"
