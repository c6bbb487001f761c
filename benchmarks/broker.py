"""The broker with many machines: its memory and processor time, by nobgd's own configuration.

nats-server, TLS, secrets and rights are real; the machines are connections of one process here.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.part import Bench, Verdict, at_most

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

_RECIPE = "0123abcd"
_TENSOR = 320 * 320 * 3
_AT_A_TIME = 50
_WAIT_S = 120.0
_TICKS = os.sysconf("SC_CLK_TCK")
_BAR_MB = 200.0


def measure(bench: Bench) -> dict[str, Any]:
    """Idle, all connected, all seats waiting, and while questions go through."""
    from nobgd.broker import server

    if (why := server.wrong()) is not None:
        bench.say(f"{why}: left out")
        return {}
    from broker.conftest import Broker
    from nobgd.broker import folder, users

    machines, seats, questions = (20, 5, 50) if bench.short else (1000, 10, 600)
    base = bench.work / "many"
    base.mkdir()
    broker = Broker(base)
    there, secrets = list(folder.machines(broker.folder)), {}
    for number in range(machines):
        user, secrets[f"desk-{number}"] = users.make(f"desk-{number}", "worker", time.time())
        there.append(user)
    folder.put(broker.folder, broker.config, there)
    broker.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            found = asyncio.run(_run(broker, secrets, seats, questions))
            gc.collect()
    finally:
        broker.stop()
    program = server.find() or ""
    here = machine.describe()
    on = f"{here['processor']}, {here['cores']} cores, NATS {server.version(program)}"
    result = {
        "on": on, "machines": machines, "seats": machines * seats, "questions": questions, **found,
    }  # fmt: skip
    bench.say(
        f"{machines} machines, {machines * seats} seats that wait: {result['waiting_mb']:.0f} MB"
    )
    return result


async def _run(
    broker: Any, secrets: dict[str, str], seats: int, questions: int
) -> dict[str, float]:
    from nobgd.broker import acts
    from nobgd.cluster import join, streams, subjects
    from nobgd.cluster.join import Join
    from nobgd.cluster.link import Link, open_link

    home = join.read(acts.home_join(broker.config))
    first = await open_link(home, "home")
    await first.prepare(streams.think(), [streams.questions(_RECIPE, 30.0)])
    idle, gate, before = _mb(broker), asyncio.Semaphore(_AT_A_TIME), _cpu(broker)

    async def connect(name: str) -> Link:
        async with gate:
            return await open_link(Join(name, home.url, name, secrets[name], home.ca), name)

    links = await asyncio.gather(*map(connect, secrets))
    connected, came = _mb(broker), _cpu(broker) - before
    waiting = [asyncio.create_task(_answer(link)) for link in links for _ in range(seats)]

    info = f"$JS.API.CONSUMER.INFO.{subjects.THINK}.{subjects.consumer(_RECIPE)}"
    while json.loads(await first.ask(info, b"", 60.0)).get("num_waiting", 0) < len(waiting):
        await asyncio.sleep(0.2)
    held, before = _mb(broker), _cpu(broker)
    tensor = os.urandom(_TENSOR)
    for _ in range(questions):
        await first.store(subjects.question(_RECIPE), tensor)
    taken = 0
    for each in asyncio.as_completed(waiting):
        taken += await each
        if taken == questions:
            break
    spent = _cpu(broker) - before
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    most = _mb(broker, "VmHWM")
    await asyncio.gather(*(link.close() for link in links))
    await first.close()
    return {
        "idle_mb": idle, "connected_mb": connected, "waiting_mb": held, "most_mb": most,
        "connect_ms": came / len(links) * 1e3, "question_ms": spent / questions * 1e3,
    }  # fmt: skip


async def _answer(link: Any) -> int:
    """One seat: it waits, takes a question and is done with it."""
    from nobgd.cluster import subjects

    pulled = await link.pull(subjects.next_question(_RECIPE), 5, _WAIT_S)
    if pulled is None:
        return 0
    await link.done(pulled)
    return 1


def _mb(broker: Any, what: str = "VmRSS") -> float:
    text = Path(f"/proc/{broker.process.pid}/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024 / 1e6


def _cpu(broker: Any) -> float:
    words = Path(f"/proc/{broker.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / _TICKS


def section(result: dict[str, Any]) -> list[str]:
    """A few sentences."""
    mb = {key: f"{value:.0f} MB" for key, value in result.items() if key.endswith("_mb")}
    return [
        "## The broker of several machines", "",
        f"nats-server as `nobgd cluster` sets it up ({result['on']}); {result['machines']}"
        f" machines, each by TLS with a secret, and {result['seats']} seats that wait for a"
        " question. Alone it takes"
        f" {mb['idle_mb']}, with all connected {mb['connected_mb']}, with all seats waiting"
        f" {mb['waiting_mb']}, while {result['questions']} questions of 307 kB went through"
        f" {mb['most_mb']} at most. Of processor time a machine that comes in costs"
        f" {result['connect_ms']:.1f} ms, a question {result['question_ms']:.1f} ms.",
    ]  # fmt: skip


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bar on its memory."""
    what = f"broker with {result['machines']} machines, {result['seats']} seats waiting, RSS"
    return [at_most(what, result["waiting_mb"], _BAR_MB, "MB")]
