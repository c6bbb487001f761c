"""Look again whether an original may go, where it was cut out by a nobgd that did not note it.

The photo is decoded once more, as memory allows, and its cut-out too.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from nobgd.lane import evidence
from nobgd.picture import decode, extent, header, provenance, source
from nobgd.values import Code, NobgdError
from nobgd.values.errands import Dispose


def keep(errand: Dispose, ask: Callable[[float], int]) -> str:
    """As `evidence.keep`; ``ask`` blocks until that many megapixels fit."""
    photo = source.read(
        errand.inbox, errand.relpath, mount=errand.mount,
        expect=(errand.size, errand.mtime_ns), max_bytes=errand.size,
    )  # fmt: skip
    if photo.sha256 != errand.sha256:
        raise NobgdError(Code.CHANGED, f"{errand.relpath} is another photo now; it is kept")
    try:
        head = decode.look(photo.data)
        ask(2 * head.megapixels)
        complaints = decode.decode(photo.data, head).complaints
    except NobgdError as error:
        complaints = (error.reason,)
        return evidence.keep(complaints, None, 1.0, visible=True)
    more = extent.more(photo.data, head.format)
    with open(errand.output, "rb") as stream:
        data = stream.read()
    said = provenance.find(data[: provenance.HEAD_BYTES])
    with header.quiet(), Image.open(io.BytesIO(data), formats=("PNG",)) as cut:
        alpha = np.asarray(cut.getchannel("A")) if "A" in cut.getbands() else None
    seen = alpha is None or evidence.visible(alpha)
    return evidence.keep(complaints, more, said.confidence if said else 0.0, visible=seen)
