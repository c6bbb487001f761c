"""What another machine answers to a question that has come back meanwhile."""

from __future__ import annotations

import os
from collections import deque

from nobgd.fs import shared_memory
from nobgd.pool.asking import Request
from nobgd.pool.away import Away
from nobgd.pool.link_words import Broker, Mask
from nobgd.pool.neighbours import Neighbours
from nobgd.values import wire
from nobgd.values.machine import UP, Machine

SMALL = wire.Weights("", "0" * 64, "u2netp", "fp32", 4, (0.0,) * 3, (1.0,) * 3)


class Line:
    """To a link process that loses the broker."""

    def __init__(self) -> None:
        self.neighbours = Neighbours()
        self.neighbours.seen(Machine("gpu-1", UP, seats=1, priority=0, models=(0,)))
        self.asked, self.dropped = list[int](), list[int]()

    def ask(self, number: int, *_: int) -> None:
        self.asked.append(number)

    def drop(self, number: int, *, overdue: bool = False) -> None:
        assert not overdue
        self.dropped.append(number)


class Home:
    """One request, which was out when the broker was lost, and waits again."""

    def __init__(self) -> None:
        self.line, self.ended = Line(), list[Request]()
        memory = shared_memory.create(wire.tensor_bytes([SMALL]))
        self.request = Request(1, 0, memory)
        self.waiting = deque([self.request])
        setup = wire.Link("", (SMALL,), 30.0)
        self.away = Away(self.line, setup, self.waiting, 60.0, self.ended.append, print)
        self.line.neighbours.reached("")
        self.away.send(1.0, faster=True)
        assert (self.line.asked, list(self.waiting)) == ([1], [])
        self.line.neighbours.reached("gone")
        self.away.hear(Broker(broker="gone"), -1, 2.0)
        assert list(self.waiting) == [self.request]

    def answered(self, mask: bytes) -> None:
        memory = shared_memory.create(len(mask))
        os.pwrite(memory, mask, 0)
        said = Mask(mask=1, host="gpu-1", confidence=0.5, ran=1, took_ms=1.0)
        self.away.hear(said, memory, 3.0)
        os.close(memory)


def test_the_mask_of_one_that_waits_to_go_out_again_is_taken() -> None:
    """It was made while the broker was away."""
    home = Home()
    home.answered(bytes(range(16)))
    assert (home.ended, list(home.waiting)) == ([home.request], [])
    assert os.pread(home.request.memory, 16, SMALL.input_bytes) == bytes(range(16))
    home.request.close()


def test_one_of_another_size_has_it_made_here_once() -> None:
    """It stands in the queue one time, and does not go out again."""
    home = Home()
    home.answered(bytes(15))
    assert (home.ended, list(home.waiting)) == ([], [home.request])
    assert home.request.here
    home.line.neighbours.reached("")
    home.away.send(4.0, faster=True)
    assert home.line.asked == [1]
    home.request.close()
