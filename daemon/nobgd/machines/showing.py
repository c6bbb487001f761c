"""A worker shows home that it sees its folders: it reads what lies there, and writes a file."""

from __future__ import annotations

import asyncio
import contextlib

from nobgd.cluster.paths import Shares
from nobgd.pool import proof
from nobgd.pool.lanes import Lanes
from nobgd.values import wire
from nobgd.values.errands import Mark, Sample
from nobgd.values.wire import ErrandFailed

_TRIES, _PAUSE_S = 8, 1.0  # clients of NFS and SMB remember "not there" for a while


async def show(lanes: Lanes, shares: Shares, data: bytes) -> tuple[bytes, str]:
    """The answer to what home asks, or why there is none.  Raises `proof.Broken`."""
    outboxes, inboxes = proof.asked(data)
    out: list[int | None] = []
    for box in outboxes:
        folder = shares.path(box.spot)
        if folder is None:
            return b"", f"there is no share {box.spot.share} here"
        seen = await _sample(lanes, folder, box.name)
        out.append(seen)
        if seen is None:
            continue
        try:
            await _do(lanes, Mark(folder, box.answer.name, box.answer.text))
        except ErrandFailed as error:
            return b"", f"share {box.spot.share}: {error.reason}"
    photos: list[list[int | None]] = []
    for each in inboxes:
        folder = shares.path(each.spot)
        if folder is None:
            return b"", f"there is no share {each.spot.share} here"
        photos.append([await _sample(lanes, folder, name) for name in each.files])
    return wire.encode({"outboxes": out, "inboxes": photos}), ""


async def _sample(lanes: Lanes, folder: str, name: str) -> int | None:
    for number in range(_TRIES):
        if number:
            await asyncio.sleep(_PAUSE_S)
        with contextlib.suppress(ErrandFailed):
            return await _do(lanes, Sample(folder, name))
    return None


async def _do(lanes: Lanes, errand: Mark | Sample) -> int:
    # a lane may be at it: it is not cancelled with who waits
    finished = await asyncio.shield(asyncio.wrap_future(lanes.submit(errand)))
    return finished.answer if isinstance(finished.answer, int) else 0
