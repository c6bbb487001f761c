"""A hundred thousand photos that wait for other machines: what broker and supervisor keep of them.

Broker, link process and workers are real, on this machine with TLS; lanes and models do nothing
but wait.  A question is to be at the broker only when a machine is about to take it.  The daemon
is `benchmarks.waiting_daemon`, once with the machines and once by itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.part import Bench, Verdict, at_most

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

_MACHINES, _LANES, _SLEEP_S = 8, 64, 0.5
_IN_FOLDER = 1000
_BROKER_MB, _MORE_MB = 60.0, 15.0


def measure(bench: Bench) -> dict[str, Any]:
    """With machines, then without.  Nothing where there is no broker."""
    from cluster.broker import TESTS, Broker, Worker, lacking

    if (why := lacking()) is not None:
        bench.say(f"{why}: left out")
        return {}
    photos, machines, masks = (500, 1, 6) if bench.short else (100_000, _MACHINES, 400)
    hosts = [f"desk-{number}" for number in range(1, machines + 1)]
    inbox = bench.work / "waiting-in"
    for number in range(photos):
        folder = inbox / f"{number // _IN_FOLDER:03}"
        if number % _IN_FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"IMG_{number:06}.jpg").write_bytes(bytes(1 + number % 997))
    (bench.work / "home.sleep").write_text(str(_SLEEP_S))
    environment = {
        **os.environ, "PYTHONPATH": TESTS, "SLEEP_FILE": str(bench.work / "home.sleep"),
    }  # fmt: skip
    broker = Broker(bench.work / "waiting", *hosts).start()
    assert broker.process is not None
    idle_mb = mb(broker.process.pid, "VmRSS")
    workers = [
        Worker(broker, host, bench.work, sleep_s=_SLEEP_S, priority=0).start() for host in hosts
    ]
    rows = []
    try:
        for join, made in (([str(broker.home)], masks), ([], masks // 10)):
            command = [
                sys.executable, "-m", "benchmarks.waiting_daemon", str(inbox), str(made),
                str(_LANES), str(bench.work / f"waiting-{len(join)}"), *join,
            ]  # fmt: skip
            done = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, text=True, check=True
            )
            rows.append(json.loads(done.stdout.splitlines()[-1]))
        broker_mb = mb(broker.process.pid, "VmHWM")
    finally:
        for one in workers:
            one.kill()
        broker.kill()
    bench.say(
        f"{photos:,} photos wait for {machines} machines: {rows[0]['stored']} questions at the"
        f" broker at most, which has {broker_mb:.0f} MB"
    )
    return {
        "machines": machines, "lanes": _LANES, "photos": photos, "broker_mb": broker_mb,
        "idle_mb": idle_mb, "with": rows[0], "without": rows[1],
    }  # fmt: skip


def mb(pid: int, what: str) -> float:
    """MB of 10^6 bytes that a process has (``VmRSS``) or had at most (``VmHWM``)."""
    text = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024 / 1e6


def section(result: dict[str, Any]) -> list[str]:
    """A few sentences."""
    with_, without = result["with"], result["without"]
    return [
        "## A backlog that waits for other machines", "",
        f"{result['photos']:,} photos, {result['lanes']} lanes that ask, {result['machines']}"
        f" machines with a seat each; lanes and models only sleep. {with_['masks']} masks were made"
        f" meanwhile, {with_['away']} of them elsewhere. At the broker were {with_['stored']}"
        f" questions at most; it had {result['idle_mb']:.0f} MB idle and {result['broker_mb']:.0f}"
        f" MB at most. The supervisor had {with_['supervisor_mb']:.0f} MB,"
        f" {without['supervisor_mb']:.0f} MB without other machines.",
    ]  # fmt: skip


def verdicts(result: dict[str, Any]) -> list[Verdict]:
    """The bars on memory."""
    what = f"{result['photos']:,} photos wait for {result['machines']} machines"
    more = result["with"]["supervisor_mb"] - result["without"]["supervisor_mb"]
    return [
        at_most(f"{what}, broker, most", result["broker_mb"], _BROKER_MB, "MB"),
        at_most(f"{what}, supervisor, more than without", more, _MORE_MB, "MB"),
    ]
