"""A look at an output that another machine says to have put there for this photo.

It catches a wrong disk, a worker that lies, and one that slept between its last look at the photo
and the rename.
"""

from __future__ import annotations

import os
import re

from nobgd.fs import mounts, tree
from nobgd.lane.out_folder import open_plain
from nobgd.picture import provenance
from nobgd.values.errands import AS_SAID, NOT_THERE, Look

_SHA256 = re.compile(r"[0-9a-f]{64}")


def look(errand: Look) -> int:
    """See `Look`.  Raises NobgdError or OSError for the place's failure."""
    os.close(mounts.open_root(errand.outbox, errand.mount))
    where, name = os.path.split(errand.relpath)
    if not os.path.isdir(os.path.join(errand.outbox, where)):
        return NOT_THERE  # it is not made for a look
    folders = [part for part in where.split("/") if part]
    with tree.within(errand.outbox, folders, errand.mount) as folder:
        try:
            file = open_plain(folder, name)
        except FileNotFoundError:
            return NOT_THERE
        if file is None:
            return NOT_THERE
        with os.fdopen(file, "rb") as stream:
            said = provenance.find(stream.read(provenance.HEAD_BYTES))
    if said is None or said.source != errand.source or said.inbox not in errand.inbox_keys:
        return NOT_THERE
    if (said.sha256, said.recipe) == (errand.sha256, errand.recipe):
        return AS_SAID
    # what a note says is anybody's
    return int(said.sha256, 16) if _SHA256.fullmatch(said.sha256) else NOT_THERE
