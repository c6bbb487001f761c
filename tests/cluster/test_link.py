"""A connection that is over is noticed."""

from __future__ import annotations

import asyncio

from cluster.broker import Broker
from nobgd.cluster import join
from nobgd.cluster.link import open_link


def test_a_client_that_ends_without_a_word_has_ended(broker: Broker) -> None:
    """As that of NATS does when what tells of its end is cancelled."""

    async def ended() -> tuple[str | None, str | None]:
        link = await open_link(join.read(broker.home), "test")
        before = await link.ended_within(0.1)
        link._client._closed_cb = link._client._disconnected_cb = None
        await link._client.close()
        return before, await link.ended_within(0.1)

    before, after = asyncio.run(ended())
    assert before is None
    assert after == "the connection has ended"
