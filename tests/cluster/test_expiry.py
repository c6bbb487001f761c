"""What nobody waits for goes from the broker by its own clock; with a real one."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from cluster.broker import Broker
from cluster.home import WEIGHTS
from nobgd.cluster import join, streams, subjects
from nobgd.cluster.link import Link, Lost, open_link
from nobgd.machines.home import Home
from nobgd.values import wire

RECIPE = "0a1b2c3d"
QUESTION = subjects.question(RECIPE)


async def _kept(link: Link, stream: str) -> int:
    said = json.loads(await link.ask(f"$JS.API.STREAM.INFO.{stream}", b"", 5.0))
    return int(said["state"]["messages"])


async def _none_is_kept(link: Link, stream: str, but: int = 0) -> float:
    """Seconds until then."""
    began = time.monotonic()
    while await _kept(link, stream) != but:
        if time.monotonic() - began > 60.0:
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
        await link.store(QUESTION, b"for long")
        link.keep_s = 5.0  # all are there still when they are counted
        for number in range(10):
            await link.store(QUESTION, b"%d" % number)
        assert await _kept(link, subjects.THINK) == 11
        job, link.keep_s = subjects.job(RECIPE, "0" * 20), 1.2
        await link.store(job, b"a job")  # whole seconds: two
        assert await _none_is_kept(link, subjects.WORK) > 1.2
        await _none_is_kept(link, subjects.THINK, but=1)
        await link.store(job, b"the same photo, asked anew")
        await link.close()

    asyncio.run(work())


def test_what_a_machine_is_at_may_go_and_is_finished_all_the_same(broker: Broker) -> None:
    """Its lease is renewed as before, and it is nobody else's."""

    async def work() -> None:
        home = await _prepared(broker)
        machine = await open_link(join.read(broker.root / "desk-1.join"), "desk-1")
        home.keep_s = 1.0
        await home.store(QUESTION, b"picture")
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
        link.keep_s = 1.0
        await link.store(QUESTION, b"picture")
        await _none_is_kept(link, subjects.THINK)
        await link.prepare(streams.work() | {"retention": "limits"}, [])
        await link.prepare(streams.work(), [])
        await link.close()

    asyncio.run(work())


class Deaf:
    """A broker that has nothing to say."""

    keep_s = 0.0

    async def prepare(self, *_: Any) -> None:
        raise Lost("it is gone")

    async def close(self) -> None:
        pass


def test_a_home_has_kept_what_it_asks_for_as_long_as_it_waits_at_most() -> None:
    """For a job: its deadline, once more for a lane here, and a lease."""
    link, said = Deaf(), asyncio.Event()

    async def dial(_: str) -> tuple[Any, str]:
        return link, "tls://nas:4222"

    async def work() -> None:
        setup = wire.Link("", (WEIGHTS,), 30.0, deadline_s=100.0)
        home = Home(setup, lambda *_: said.set(), dial)
        serving = asyncio.create_task(home.serve())
        await asyncio.wait_for(said.wait(), 10.0)
        serving.cancel()

    asyncio.run(work())
    assert link.keep_s == 230.0
