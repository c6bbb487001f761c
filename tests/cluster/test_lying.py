"""A machine that lies costs a mask's time at most: nothing it says is believed, nothing breaks."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from cluster.broker import Broker, await_true
from cluster.home import Home, hosts
from cluster.liar import Liar, Lie
from nobgd.cluster import frames, subjects
from nobgd.cluster.words import Answer, Question
from nobgd.values.machine import REFUSED

_FUZZED = 3000
Tell = Callable[..., Liar]


@pytest.fixture
def liar(broker: Broker) -> Iterator[Tell]:
    made: list[Liar] = []

    def make(lie: Lie) -> Liar:
        made.append(Liar(broker.root / "desk-1.join", lie).start())
        return made[-1]

    yield make
    for each in made:
        each.stop()


@dataclass(frozen=True)
class Told:
    lie: Lie
    why: str  # it is refused; "": it is not


def _answer(asked: Question, **change: object) -> Answer:
    return Answer(id=asked.id, recipe=asked.recipe, confidence=0.75).model_copy(update=change)


async def _too_short(liar: Liar, asked: Question, shown: bytes) -> None:
    await liar.say(asked, frames.pack(_answer(asked), shown[1::3][:-1]))


async def _too_long(liar: Liar, asked: Question, _: bytes) -> None:
    await liar.say(asked, frames.pack(_answer(asked), bytes(5 << 20)))


async def _no_number(liar: Liar, asked: Question, shown: bytes) -> None:
    good = frames.pack(_answer(asked), shown[::3])
    await liar.say(asked, good.replace(b"0.75", b" NaN"))


async def _failing(liar: Liar, asked: Question, _: bytes) -> None:
    await liar.say(asked, frames.pack(_answer(asked, failed="no")))


async def _fuzzed(liar: Liar, asked: Question, _: bytes) -> None:
    """Thousands of answers with a few bytes changed, but none that is whole."""
    good = frames.pack(_answer(asked))
    chance = random.Random(liar.lies)
    for _number in range(_FUZZED):
        data = bytearray(good)
        for _byte in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        await liar.say(asked, bytes(data))


LIES = {
    "too short": Told(_too_short, "with a mask of another size"),
    "too long": Told(_too_long, "it answered what no worker answers"),
    "no number": Told(_no_number, "it answered what no worker answers"),
    "failing": Told(_failing, "5 times in a row: no; start its worker again"),
    "fuzzed": Told(_fuzzed, "it answered"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_done_here(name: str, home: Home, liar: Tell) -> None:
    """The machine gets nothing more, and status says why."""
    one = liar(LIES[name].lie)
    home.has()
    while not home.events("machine.refused"):
        assert set(hosts(home.ask(2))) == {"here"}
    home.has(state=REFUSED)
    machine = home.machine()
    assert machine is not None
    assert LIES[name].why in machine.why
    lies = one.lies
    assert set(hosts(home.ask(2))) == {"here"}
    assert one.lies == lies
    assert not home.events("link.ended")


def test_nobody_answers_for_another(home: Home, liar: Tell) -> None:
    """Not in another's name, by the broker's rights; not what it was not asked, by its number."""

    async def lie(one: Liar, asked: Question, shown: bytes) -> None:
        wrong = frames.pack(_answer(asked), shown[1::3])
        await one.link.publish(subjects.answer(asked.home, "desk-2"), wrong)
        await one.say(asked, frames.pack(_answer(asked, id=asked.id ^ 1), shown[1::3]))
        await one.say(asked, frames.pack(_answer(asked), shown[::3]))
        await one.say(asked, frames.pack(_answer(asked), shown[1::3]))  # the first one counts

    one = liar(lie)
    home.has()
    await_true(lambda: "desk-1" in hosts(home.ask(4)))
    assert one.lies
    assert not home.events("machine.refused")
