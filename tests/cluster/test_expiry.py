"""What nobody waits for goes from the broker by its own clock; with a real one."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from cluster.broker import Broker
from nobgd.cluster import join, streams, subjects
from nobgd.cluster.link import Link, open_link

RECIPE = "0a1b2c3d"
QUESTION = subjects.question(RECIPE)


async def _kept(link: Link, stream: str) -> int:
    said = json.loads(await link.ask(f"$JS.API.STREAM.INFO.{stream}", b"", 5.0))
    return int(said["state"]["messages"])


async def _none_is_kept(link: Link, stream: str) -> float:
    """Seconds until then."""
    began = time.monotonic()
    while await _kept(link, stream):
        if time.monotonic() - began > 20.0:
            pytest.fail("it is still there")
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def _prepared(broker: Broker) -> Link:
    link = await open_link(join.read(broker.home), "home")
    await link.prepare(streams.think(), [streams.questions(RECIPE, 5.0)])
    await link.prepare(streams.work(), [streams.jobs(RECIPE, 5.0)])
    return link


def test_each_message_goes_when_its_own_time_is_over(broker: Broker) -> None:
    """A home that is killed says nothing more; what another has asked for longer stays."""

    async def work() -> None:
        link = await _prepared(broker)
        await link.store(QUESTION, b"for long", 60.0)
        for number in range(10):
            await link.store(QUESTION, b"%d" % number, 1.0)
        assert await _kept(link, subjects.THINK) == 11
        job = subjects.job(RECIPE, "0" * 20)
        await link.store(job, b"a job", 1.2)  # whole seconds: two
        assert await _none_is_kept(link, subjects.WORK) > 1.2
        assert await _kept(link, subjects.THINK) == 1
        await link.store(job, b"the same photo, asked anew", 1.0)
        await link.close()

    asyncio.run(work())


def test_what_a_machine_is_at_may_go_and_is_finished_all_the_same(broker: Broker) -> None:
    """Its lease is renewed as before, and it is nobody else's."""

    async def work() -> None:
        home = await _prepared(broker)
        machine = await open_link(join.read(broker.root / "desk-1.join"), "desk-1")
        await home.store(QUESTION, b"picture", 1.0)
        pulled = await machine.pull(subjects.next_question(RECIPE), 5, 5.0)
        assert pulled is not None
        await _none_is_kept(home, subjects.THINK)
        await machine.renew_surely(pulled)
        assert await machine.pull(subjects.next_question(RECIPE), 5, 0.5) is None
        await machine.done(pulled)
        await machine.close()
        await home.close()

    asyncio.run(work())


def test_a_stream_of_an_older_nobgd_is_made_like_ours(broker: Broker) -> None:
    """The broker runs on while home is upgraded; one that is somebody's own is left as it is."""

    async def work() -> None:
        link = await open_link(join.read(broker.home), "home")
        older = {name: value for name, value in streams.think().items() if name != "allow_msg_ttl"}
        await link.prepare(older, [])
        await link.prepare(streams.think(), [streams.questions(RECIPE, 5.0)])
        await link.store(QUESTION, b"picture", 1.0)
        await _none_is_kept(link, subjects.THINK)
        await link.prepare(streams.work() | {"retention": "limits"}, [])
        await link.prepare(streams.work(), [])
        await link.close()

    asyncio.run(work())
