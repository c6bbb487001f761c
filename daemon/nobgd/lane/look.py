"""A look at an output that another machine says to have put there for this photo.

It catches a wrong disk, a worker that lies, and one that slept between its last look at the photo
and the rename.
"""

from __future__ import annotations

import os

from nobgd.fs import mounts, tree
from nobgd.lane.out_folder import open_plain
from nobgd.picture import provenance
from nobgd.values.errands import Look


def look(errand: Look) -> int:
    """See `Look`.  Raises NobgdError or OSError for the place's failure."""
    os.close(mounts.open_root(errand.outbox, errand.mount))
    where, name = os.path.split(errand.relpath)
    if not os.path.isdir(os.path.join(errand.outbox, where)):
        return 0  # it is not made for a look
    folders = [part for part in where.split("/") if part]
    with tree.within(errand.outbox, folders, errand.mount) as folder:
        try:
            file = open_plain(folder, name)
        except FileNotFoundError:
            return 0
        if file is None:
            return 0
        with os.fdopen(file, "rb") as stream:
            said = provenance.find(stream.read(provenance.HEAD_BYTES))
    return int(
        said is not None
        and (said.source, said.sha256, said.recipe) == (errand.source, errand.sha256, errand.recipe)
        and said.inbox in errand.inbox_keys
    )
