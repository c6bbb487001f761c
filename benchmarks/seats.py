"""Ten thousand seats on one broker: whether it keeps them at work, and what it costs.

nats-server, TLS, secrets and rights are real, as `nobgd cluster` sets them up; a hundred machines
are connections of this process, each with a hundred seats that sleep.  Questions are of 1 kB: as
many of 307 kB as there are seats here would not fit into the broker's memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.part import Bench, Verdict, at_most
from benchmarks.processes import cpu_s
from benchmarks.waiting import mb

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

_RECIPE, _RUN = "0123abcd", "0123456789abcdef"
_BYTES = 1000
_LEASE_S = 30.0
_NEARLY = 0.95
_MEAN_S = 30.0  # of a question, which takes from half of it to one and a half
_AT_A_TIME = 100  # questions on their way to the broker
_LOOK_S = 1.0
_BUSY_BAR, _CORES_BAR, _MB_BAR = 0.99, 1.0, 400.0


def measure(bench: Bench) -> dict[str, Any]:
    """Two questions for each seat.  Nothing where there is no broker."""
    from cluster.broker import Broker, lacking

    if (why := lacking()) is not None:
        bench.say(f"{why}: left out")
        return {}
    machines, seats, mean_s = (4, 5, 1.0) if bench.short else (100, 100, _MEAN_S)
    hosts = [f"desk-{number}" for number in range(machines)]
    broker = Broker(bench.work / "seats", *hosts).start()
    try:
        found = asyncio.run(_run(broker, hosts, seats, mean_s))
    finally:
        broker.kill()
    here = machine.describe()
    bench.say(
        f"{machines * seats:,} seats: {found['busy']:.1%} at work while anything waits, server"
        f" {found['server_cores']:.2f} cores, {found['server_mb']:.0f} MB"
    )
    return {
        "on": f"{here['processor']}, {here['cores']} cores", "machines": machines,
        "seats": machines * seats, "mean_s": mean_s, **found,
    }  # fmt: skip


async def _run(broker: Any, hosts: list[str], seats: int, mean_s: float) -> dict[str, Any]:
    from nobgd.cluster import join, streams, subjects
    from nobgd.cluster.link import Heard, open_link

    home = await open_link(join.read(broker.home), "home")
    await home.prepare(streams.think(), [streams.questions(_RECIPE, _LEASE_S)])
    answers: list[bytes] = []

    async def hear(heard: Heard) -> None:
        answers.append(heard.data)

    await home.listen(subjects.answers(_RUN), hear)
    links = [await open_link(join.read(broker.root / f"{host}.join"), host) for host in hosts]
    lanes = [
        asyncio.create_task(_seat(link, subjects.answer(_RUN, host), mean_s))
        for link, host in zip(links, hosts, strict=True)
        for _ in range(seats)
    ]
    all_, total = len(lanes), len(lanes) * 2
    while (await _state(home)).get("num_waiting", 0) < _NEARLY * all_:  # pulls end and begin anew
        await asyncio.sleep(_LOOK_S)
    pid = broker.process.pid
    began, server, ours = time.monotonic(), cpu_s(pid), time.process_time()
    again: set[bytes] = set()  # asked twice, as the broker was slow to take them
    asking = asyncio.create_task(_ask(home, total, again))
    shares: list[float] = []
    most_mb = 0.0
    while len(set(answers)) < total:
        for each in (asking, *lanes):
            if each.done():
                each.result()  # raises what it ended by
        said = await _state(home)
        most_mb = max(most_mb, mb(pid, "VmRSS"))
        if said["num_pending"] > 0 and (shares or said["num_ack_pending"] >= _NEARLY * all_):
            shares.append(min(1.0, said["num_ack_pending"] / all_))
        await asyncio.sleep(_LOOK_S)
    wall_s = time.monotonic() - began
    server, ours = cpu_s(pid) - server, time.process_time() - ours
    await asking
    for each in lanes:
        each.cancel()
    await asyncio.gather(*lanes, return_exceptions=True)
    for link in (*links, home):
        await link.close()
    return {
        "jobs": total, "wall_s": wall_s, "doubled": _doubled(answers, again),
        "busy": sum(shares) / len(shares) if shares else 0.0, "least_busy": min(shares, default=0),
        "server_cores": server / wall_s, "server_mb": most_mb, "clients_cores": ours / wall_s,
    }  # fmt: skip


async def _seat(link: Any, subject: str, mean_s: float) -> None:
    """A question after the other: it sleeps, renews its lease, answers.

    A cancellation that meets the end of a pull is swallowed by `asyncio.wait_for`.
    """
    from nobgd.cluster import subjects

    me = asyncio.current_task()
    while me is not None and not me.cancelling():
        pulled = await link.pull(subjects.next_question(_RECIPE), 5, _LEASE_S)
        if pulled is None:
            continue
        left = random.uniform(0.5, 1.5) * mean_s
        while left > 0:
            await asyncio.sleep(min(left, _LEASE_S / 3))
            left -= _LEASE_S / 3
            if left > 0:
                await link.renew(pulled)
        await link.publish(subject, pulled.data[:8])
        await link.done(pulled)


def _doubled(answers: list[bytes], again: set[bytes]) -> int:
    once = [each for each in answers if each not in again]
    return len(once) - len(set(once))


async def _ask(home: Any, total: int, again: set[bytes]) -> None:
    from nobgd.cluster import subjects
    from nobgd.cluster.link import Unheard

    gate = asyncio.Semaphore(_AT_A_TIME)
    rest = os.urandom(_BYTES - 8)

    async def one(number: int) -> None:
        which, kept = number.to_bytes(8, "big"), False
        async with gate:
            while not kept:
                try:
                    kept = await home.store(subjects.question(_RECIPE), which + rest) > 0
                except Unheard:
                    again.add(which)

    await asyncio.gather(*map(one, range(total)))


async def _state(home: Any) -> dict[str, Any]:
    from nobgd.cluster import subjects
    from nobgd.cluster.link import Unheard

    info = f"$JS.API.CONSUMER.INFO.{subjects.THINK}.{subjects.consumer(_RECIPE)}"
    while True:
        with contextlib.suppress(Unheard):
            said: dict[str, Any] = json.loads(await home.ask(info, b"", 30.0))
            return said


def section(result: dict[str, Any]) -> list[str]:
    """A few sentences."""
    mean_s = result["mean_s"]
    return [
        "## Many seats at one broker", "",
        f"nats-server as `nobgd cluster` sets it up ({result['on']}), {result['machines']} machines"
        f" with {result['seats']:,} seats together, which sleep {mean_s / 2:g} to"
        f" {mean_s * 1.5:g} s for each of {result['jobs']:,} questions of 1 kB and renew a lease of"
        f" {_LEASE_S:g} s. From when {_NEARLY:.0%} of the seats had one, and while any waited,"
        f" {result['busy']:.1%} of them were at work ({result['least_busy']:.1%} at least, looked"
        f" at every second); {result['doubled']} were answered twice. The server took"
        f" {result['server_cores']:.2f} cores and {result['server_mb']:.0f} MB at most, the process"
        f" of all machines and home {result['clients_cores']:.2f} cores.",
    ]  # fmt: skip


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bars: all at work, what the server costs."""
    what, busy = f"{result['seats']:,} seats on one broker", result["busy"]
    return [
        Verdict(
            f"{what}, at work while anything waits", f"≥ {_BUSY_BAR:.0%}", f"{busy:.1%}",
            busy >= _BUSY_BAR,
        ),
        at_most(f"{what}, server", result["server_cores"], _CORES_BAR, "cores"),
        at_most(f"{what}, server, most", result["server_mb"], _MB_BAR, "MB"),
    ]  # fmt: skip
