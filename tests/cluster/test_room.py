"""What may be out at a time is what the broker keeps: it refuses more, which is then done here."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace

import pytest

from cluster.broker import Broker
from cluster.home import WEIGHTS
from nobgd.cluster import join, streams, subjects
from nobgd.cluster.link import Unheard, open_link
from nobgd.pool.asking import Request
from nobgd.pool.away import Away
from nobgd.pool.link_words import Sign
from nobgd.pool.neighbours import Neighbours
from nobgd.values import wire
from nobgd.values.machine import UP, Machine

LARGE = replace(WEIGHTS, input_size=1024)
RECIPE = "0a1b2c3d"


class Line:
    """It counts what goes out."""

    def __init__(self) -> None:
        self.neighbours = Neighbours()
        self.neighbours.reached("")
        self.neighbours.seen(Machine("gpu-1", UP, seats=1000, priority=0, models=(0,)))
        self.asked = 0

    def ask(self, *_: int) -> None:
        self.asked += 1

    def drop(self, number: int, *, overdue: bool = False) -> None:
        raise AssertionError(f"{number} is not to be taken back, overdue: {overdue}")


def out() -> int:
    """Questions that go out of a thousand that wait, to a machine with as many seats.

    It begins each at once, so that it gets as many as it may have.
    """
    line, waiting = Line(), deque(Request(number, 0, -1) for number in range(1000))
    away = Away(line, wire.Link("", (LARGE,), 30.0), waiting, 60.0, print, print)
    before = -1
    while before < line.asked:
        before = line.asked
        away.send(1.0, faster=True)
        away.send(1.0, faster=False)
        for number in range(line.asked):
            away.hear(Sign(sign=number, host="gpu-1"), -1, 2.0)
    assert line.asked + len(waiting) == 1000
    return line.asked


def test_all_that_goes_out_has_room_at_the_broker(broker: Broker) -> None:
    """With pictures of 3 MB, and not many more would have."""

    async def kept() -> int:
        home = await open_link(join.read(broker.home), "home")
        await home.prepare(streams.think(), [streams.questions(RECIPE, 30.0)])
        picture, number = bytes(LARGE.shown_bytes + 200), 0
        try:
            while number < 1000:
                await home.store(subjects.question(RECIPE), picture)
                number += 1
        except Unheard:
            return number
        finally:
            await home.close()
        pytest.fail("the broker takes all")

    most = subjects.MAX_STORED // LARGE.shown_bytes + 1  # the one that goes over is taken
    assert 60 < out() <= asyncio.run(kept()) <= most
