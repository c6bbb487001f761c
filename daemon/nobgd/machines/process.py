"""The link process: ``python -m nobgd.machines.process FD``; it ends when the socket FD does.

What it does is `nobgd.machines.home`.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
import sys

from nobgd.lane import confine
from nobgd.machines.home import Home
from nobgd.machines.line import Line
from nobgd.values import wire

_PACKET = 1 << 16  # bytes of the set-up


async def _run(line: Line, setup: wire.Link, holds: tuple[str, ...]) -> None:
    """Until the supervisor's line is closed; ``holds`` is what confines us."""
    home = Home(setup, line.say)
    line.say({"tell": "link.confined", "fields": {"holds": list(holds)}})
    line.listen(home.hear)
    serving = asyncio.create_task(home.serve())
    serving.add_done_callback(lambda _: line.over.set())
    await line.over.wait()
    if serving.done():
        serving.result()  # it never ends but by an error of ours, which is to be seen


def main(descriptor: int) -> int:
    """See the module."""
    for name in (signal.SIGINT, signal.SIGTERM):  # a stop: it ends with its line
        signal.signal(name, signal.SIG_IGN)
    line = socket.socket(fileno=descriptor)
    setup: wire.Link = pickle.loads(line.recv(_PACKET))  # noqa: S301 - the supervisor's
    holds = confine.networked(setup.join)
    asyncio.run(_run(Line(line), setup, holds))
    return 0


if __name__ == "__main__":
    status = main(int(sys.argv[1]))
    sys.stderr.flush()
    os._exit(status)
