"""Masks and whole photos of other machines: what they cost, and how much faster eight are than one.

Broker, link process and workers are real, on this machine with TLS; models sleep, so that what is
measured is nobgd's own.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks import whole_jobs
from benchmarks.part import Bench, Verdict, at_most

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

_MACHINES, _SLEEP_S = 8, 0.5
_TICKS = os.sysconf("SC_CLK_TCK")


def measure(bench: Bench) -> dict[str, Any]:
    """Round trips one after the other, then eight at a time.  Nothing where there is no broker."""
    from cluster.broker import TESTS, lacking
    from nobgd.pool import model_process

    if (why := lacking()) is not None:
        bench.say(f"{why}: left out")
        return {}
    machines = 2 if bench.short else _MACHINES
    (bench.work / "home.sleep").write_text("0")
    before, environment = model_process.PROCESS, dict(os.environ)
    os.environ |= {"PYTHONPATH": TESTS, "SLEEP_FILE": str(bench.work / "home.sleep")}
    model_process.PROCESS = "cluster.sleeper"
    try:
        result = _masks(bench, machines)
        os.environ["RAW"] = "1"  # lanes of this machine finish their masks
        return {**result, "whole": whole_jobs.measure(bench, machines)}
    finally:
        model_process.PROCESS = before
        os.environ.clear()
        os.environ |= environment


def _masks(bench: Bench, machines: int) -> dict[str, Any]:
    """Those alone."""
    from cluster.broker import Broker, Worker
    from cluster.home import Home

    count = 50 if bench.short else 1000
    hosts = [f"desk-{number}" for number in range(1, machines + 1)]
    broker = Broker(bench.work / "broker", *hosts).start()
    workers = [Worker(broker, host, bench.work, sleep_s=0.0, priority=0) for host in hosts]
    home = Home(broker, bench.work)
    try:
        workers[0].start()
        home.has(hosts[0])
        for each in home.ask(20):
            each.result()
        result = _alone(home, count)
        result["bare_ms"] = asyncio.run(_bare(broker, hosts[1], count // 5))
        bench.say(f"a mask of another machine costs {result['median_ms']:.1f} ms more")
        for one in workers[1:]:
            one.start()
        for host in hosts:
            home.has(host)
        for one in workers:
            one.sleeps(_SLEEP_S)
        result |= _together(home, len(hosts), 2 if bench.short else 20)
        bench.say(f"{len(hosts)} machines are {result['speed_up']:.2f} times as fast as one")
        return result
    finally:
        home.close()
        for one in workers:
            if one.process is not None:
                one.kill()
        broker.kill()


def _alone(home: Any, count: int) -> dict[str, Any]:
    """One question after the other: milliseconds beyond what the machine says that it took."""
    from cluster.home import SIZE, WEIGHTS
    from nobgd.fs import shared_memory

    link, took = home.inference.elsewhere._link.pids()[0], []
    memory = shared_memory.create(SIZE)
    os.pwrite(memory, os.urandom(WEIGHTS.shown_bytes), WEIGHTS.shown_at)
    ours, theirs = time.process_time(), _cpu_s(link)
    for _ in range(count):
        began = time.perf_counter()
        ran = home.inference.run(0, memory, lambda: True)
        if ran.thought is not None:
            took.append((time.perf_counter() - began) * 1000 - ran.thought.took_ms)
    took.sort()
    return {
        "questions": len(took), "median_ms": statistics.median(took),
        "p99_ms": took[len(took) * 99 // 100],
        "supervisor_ms": (time.process_time() - ours) / count * 1000,
        "link_ms": (_cpu_s(link) - theirs) / count * 1000,
    }  # fmt: skip


async def _bare(broker: Any, host: str, count: int) -> float:
    """Milliseconds of the same bytes to and fro over the same broker by two connections; median."""
    from cluster.home import WEIGHTS
    from nobgd.cluster import join, streams, subjects
    from nobgd.cluster.link import Heard, open_link

    home = await open_link(join.read(broker.home), "bare")
    other = await open_link(join.read(broker.root / f"{host}.join"), "bare")
    recipe, run = "0" * 8, "0" * 16
    await home.prepare(streams.think(), [streams.questions(recipe, 5.0)])
    came = asyncio.Event()

    async def hear(_: Heard) -> None:
        came.set()

    await home.listen(subjects.answers(run), hear)
    picture, mask = os.urandom(WEIGHTS.shown_bytes), os.urandom(WEIGHTS.mask_bytes)
    took = []
    for _ in range(count):
        pulling = asyncio.create_task(other.pull(subjects.next_question(recipe), 0, 5.0))
        await asyncio.sleep(0.005)
        came.clear()
        began = time.perf_counter()
        await home.store(subjects.question(recipe), picture)
        if (pulled := await pulling) is None:
            continue
        await other.publish(subjects.answer(run, host), mask)
        await came.wait()
        took.append((time.perf_counter() - began) * 1000)
        await other.done(pulled)
    await home.close()
    await other.close()
    return statistics.median(took)


def _together(home: Any, machines: int, each: int) -> dict[str, Any]:
    """Twice as many questions at a time as there are machines."""
    total = machines * each
    with ThreadPoolExecutor(2 * machines) as lanes:
        began = time.perf_counter()
        ran = list(lanes.map(lambda _: home._ask(), range(total)))
        wall_s = time.perf_counter() - began
    away = sum(one.thought is not None for one in ran)
    return {"machines": machines, "speed_up": away * _SLEEP_S / wall_s, "photos": total}


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def section(result: dict[str, Any]) -> list[str]:
    """The figures."""
    return [
        "## Masks of other machines", "",
        "Broker, link process and workers on this machine, over TLS; models that sleep.", "",
        f"- {result['questions']:,} questions one after the other: a mask takes"
        f" {result['median_ms']:.1f} ms longer than its machine says (median; p99"
        f" {result['p99_ms']:.1f} ms), of which the same bytes over the broker, by two connections"
        f" in one process, take {result['bare_ms']:.1f} ms; the supervisor's process spends"
        f" {result['supervisor_ms']:.2f} ms of CPU on each, the link process"
        f" {result['link_ms']:.2f} ms.",
        f"- {result['photos']} masks of {_SLEEP_S} s by {result['machines']} machines:"
        f" {result['speed_up']:.2f} times as fast as by one.",
        *(whole_jobs.lines(result["whole"]) if "whole" in result else []),
    ]  # fmt: skip


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bars."""
    return [
        at_most("a mask of another machine, median beyond its time", result["median_ms"], 5, "ms"),
        at_most("the same, p99", result["p99_ms"], 20, "ms"),
        at_most("the same, supervisor's CPU", result["supervisor_ms"], 1, "ms"),
        whole_jobs.faster(f"{result['machines']} machines, × one", result),
        *(whole_jobs.verdicts(result["whole"]) if "whole" in result else []),
    ]
