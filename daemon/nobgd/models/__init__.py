"""Which weights there are, where they lie, whether they are what they should be, and fetching them.

Only `fetch` may touch the network, and only ``nobgd models fetch`` calls it.
"""

from __future__ import annotations

from nobgd.models.fetch import Fetched, Progress, fetch
from nobgd.models.manifest import (
    LicenceError,
    ModelError,
    ModelSpec,
    Source,
    UnknownModelError,
    load_manifest,
    shipped_directory,
)
from nobgd.models.places import ModelFile, default_directory, find, search_path
from nobgd.models.verify import checksum, verify

__all__ = [
    "Fetched",
    "LicenceError",
    "ModelError",
    "ModelFile",
    "ModelSpec",
    "Progress",
    "Source",
    "UnknownModelError",
    "checksum",
    "default_directory",
    "fetch",
    "find",
    "load_manifest",
    "search_path",
    "shipped_directory",
    "verify",
]
