"""Tell a machine to take nothing more, and wait until it says that it does."""

from __future__ import annotations

import asyncio
import contextlib

from nobgd.cluster import frames, subjects
from nobgd.cluster.join import Join
from nobgd.cluster.link import Heard, open_link
from nobgd.cluster.words import Hello, Order

_EVERY_S = 1.0
_PATIENCE_S = 15.0  # it says hello every 2 s


class Silent(Exception):  # noqa: N818 - a state
    """The machine says nothing."""


async def order(home: Join, host: str, *, drain: bool) -> int:
    """Have ``host`` drain, or work again; how many questions it still has.

    Raises `Silent`, and `Refused` and `Lost` of `link`.
    """
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def heard(message: Heard) -> None:
        with contextlib.suppress(frames.Broken):
            hello, _ = frames.unpack(Hello, message.data)
            if hello.draining == drain and not told.done():
                told.set_result(hello.busy)

    opened = await open_link(home, f"{home.name} drain")
    try:
        await opened.listen(subjects.hello(host), heard)
        for _ in range(int(_PATIENCE_S / _EVERY_S)):
            await opened.publish(subjects.cast(host), frames.pack(Order(drain=drain)))
            done, _ = await asyncio.wait([told], timeout=_EVERY_S)
            if done:
                return told.result()
        raise Silent
    finally:
        await opened.close()
