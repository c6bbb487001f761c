"""A cut-out that is there, in another format, frame or ground, for somebody who asked for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nobgd.fs import publish, tree
from nobgd.lane import cost
from nobgd.picture import cutting, decode, provenance, source
from nobgd.picture.deep import Cut
from nobgd.picture.rendering import files, render, subject
from nobgd.values import Code, NobgdError
from nobgd.values.errands import Render
from nobgd.values.rendering import PLAIN


def make(errand: Render, ask: Callable[[float], int]) -> int:
    """See `Render`; ``ask`` blocks until so many megapixels fit.  Raises NobgdError, OSError."""
    data = source.read(errand.outbox, errand.relpath, mount=errand.mount).data
    if errand.rendering == PLAIN:
        _put(errand, [data], {})
        return 0
    note = provenance.find(data[: provenance.HEAD_BYTES])
    if note is None:
        raise NobgdError(
            Code.UNSUPPORTED,
            f"{errand.relpath} is no cut-out of nobgd's any more; `nobgd retry` makes it anew",
        )
    header = decode.look(data)
    wanted = errand.rendering
    threads = ask(cost.megapixels(header, data) + cost.page(header, wanted))
    picture = decode.decode(data, header, threads)
    if picture.alpha is None:
        raise NobgdError(
            Code.UNSUPPORTED,
            f"{errand.relpath} has no transparency to render it anew from; set output.format to png"
            " and run `nobgd retry`",
        )
    del data
    beside = files.Beside(picture.icc, picture.dpi, picture.exif, picture.spoken)
    cut = cutting.again(picture)
    del picture
    height, width = cut.shape[:2]
    box = subject(_eight(cut))
    page = render(cut, wanted, beside.icc)
    del cut
    photo = f"{width}x{height}" if wanted.reframes else None
    note = replace(note, recipe=f"{note.recipe}:{wanted.key}", photo=photo)
    how = files.How(errand.compression, threads)
    parts = files.mask(page, note, how) if wanted.mask else files.write(
        page, wanted, note, beside, how
    )  # fmt: skip
    _put(errand, parts, {"size": page.pixels.shape[1::-1], "photo": (width, height), "box": box})
    return 0


def _put(errand: Render, parts: files.Parts, said: dict[str, object]) -> None:
    """The file, after what is told of it."""
    with tree.within(errand.folder) as folder:
        publish.write(folder, f"{errand.name}.json", [json.dumps(said).encode()], replace=True)
        publish.write(folder, errand.name, parts, replace=True)


def _eight(cut: Cut) -> npt.NDArray[np.uint8]:
    alpha: npt.NDArray[Any] = cut[..., 3]
    return alpha if alpha.dtype == np.uint8 else (alpha >> 8).astype(np.uint8)
