"""What `nobgd worker` does once it may: work until it is stopped, or look whether it could."""

from __future__ import annotations

import asyncio
import signal

from nobgd.cli import common
from nobgd.machines.worker import Worker

_CHECK_S = 60.0


async def work(worker: Worker, span_s: float | None, *, drain_at_end: bool) -> int:
    """Until SIGTERM or SIGINT, or for so long; the exit code.

    A signal lets what is at hand be finished; the end of the time only if asked.
    """
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, worker.stop)
    drain = True
    if span_s is not None:
        drain = drain_at_end
        loop.call_later(span_s, worker.stop)
    await worker.run(drain=drain)
    return common.GOOD


async def check(worker: Worker) -> int:
    """Whether the broker lets it in and home takes its masks; the exit code, and a sentence."""

    async def until(event: asyncio.Event) -> None:
        await event.wait()

    working = asyncio.create_task(worker.run(drain=False))
    news = (worker.admitted, worker.lacking, worker.unreachable)
    others = [asyncio.create_task(until(each)) for each in news]
    try:
        await asyncio.wait(
            [working, *others], timeout=_CHECK_S, return_when=asyncio.FIRST_COMPLETED
        )
        if working.done():
            working.result()
        if worker.admitted.is_set():
            if why := worker.shares_hindrance:
                common.complain(f"home takes this machine's masks, but no whole photos: {why}")
                return common.ENVIRONMENT
            print("the broker lets this machine in, and home takes its masks")
            return common.GOOD
        common.complain(worker.hindrance())
        return common.ENVIRONMENT
    finally:
        worker.stop()
        for each in others:
            each.cancel()
        await asyncio.wait([working])
