"""A machine says what no machine says: a million answers and greetings, damaged at random.

Meanwhile masks are made here and by another machine; each has to be the right one.  The link
process lives on, and keeps no more in memory for it.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cluster.broker import TESTS, Broker, Worker, lacking
from cluster.home import Home, hosts
from nobgd.cluster import frames, join, subjects
from nobgd.cluster.link import Heard, open_link
from nobgd.cluster.words import Answer, Cast, Hello, Question
from nobgd.pool import model_process

NAME, TITLE = "machine_liar", "answers and greetings of a machine, damaged at random"
FULL, SHORT = 1_000_000, 1_000
_PORTION = 20_000
_TURN = 200  # messages, after which the broker has to have taken them
_RSS_MB = 200.0  # of the link process; it has 60 at rest


def missing() -> str | None:
    """Why it cannot be done here."""
    return lacking()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of messages; yields (next number, violations, counts)."""
    (root / "home.sleep").write_text("0.02")
    before = model_process.PROCESS
    model_process.PROCESS = "cluster.sleeper"
    os.environ |= {"PYTHONPATH": TESTS, "SLEEP_FILE": str(root / "home.sleep")}
    broker = Broker(root / "broker", "desk-1", "desk-2").start()
    honest = Worker(broker, "desk-2", root, sleep_s=0.02, priority=0).start()
    home = Home(broker, root)
    try:
        home.has("desk-2")
        assert home.inference.elsewhere is not None
        process = home.inference.elsewhere._link
        assert process is not None
        link = process.pids()
        while start < stop:
            end = min(start + _PORTION, stop)
            asked = home.ask(12)
            sent = asyncio.run(_lie(broker.root / "desk-1.join", seed, start, end))
            made = hosts(asked) + hosts(home.ask(4))  # raises where a mask is not the right one
            wrong = []
            if process.pids() != link or home.events("link.ended"):
                wrong.append("the link process has ended")
                link = process.pids()
            if "desk-1" in made:
                wrong.append("a mask of the liar was taken")
            if link and (rss := _rss_mb(link[0])) > _RSS_MB:
                wrong.append(f"the link process holds {rss:.0f} MB")
            yield end, [f"before {end}: {each}" for each in wrong], sent
            start = end
    finally:
        home.close()
        honest.kill()
        broker.kill()
        model_process.PROCESS = before


async def _lie(file: Path, seed: int, start: int, end: int) -> dict[str, int]:
    access = join.read(file)
    link = await open_link(access, "liar")
    heard: asyncio.Future[Cast] = asyncio.get_running_loop().create_future()

    async def hear(message: Heard) -> None:
        if frames.is_kind(Cast, message.data) and not heard.done():
            heard.set_result(frames.unpack(Cast, message.data)[0])

    await link.listen(subjects.cast(access.name), hear)
    hello = Hello(protocol=1, run=secrets.token_hex(8), seats=1, priority=0)
    hellos, answers = subjects.hello(access.name), ""
    while not heard.done():
        await link.publish(hellos, frames.pack(hello))
        await asyncio.wait([heard], timeout=1.0)
    cast = heard.result()
    recipe = cast.wanted[0].recipe
    answers = subjects.answer(cast.home, access.name)
    good = (
        (answers, frames.pack(Answer(id=1, recipe=recipe), os.urandom(64))),
        (hellos, frames.pack(hello.model_copy(update={"ready": [recipe]}))),
        (answers, frames.pack(Question(id=1, home=cast.home, recipe=recipe, side=320))),
    )
    counts = {"answers": 0, "greetings": 0}
    for number in range(start, end):
        chance = random.Random(seed * 1_000_003 + number)
        subject, data = good[number % len(good)]
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(damaged))
            damaged[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 4))
        await link.publish(subject, bytes(damaged))
        counts["greetings" if subject == hellos else "answers"] += 1
        if number % _TURN == 0:
            await asyncio.sleep(0.01)
    await link.close()
    return counts


def _rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
