"""The daemon of `benchmarks.waiting`: its lanes have masks made and do nothing else.

``python -m benchmarks.waiting_daemon INBOX MASKS LANES FOLDER [JOIN]``; without a join file no
other machine helps.  It ends when the others, or it where there are none, have made so many masks
and all photos are known.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from benchmarks import stub
from benchmarks.waiting import mb
from cluster.home import SIZE, WEIGHTS
from nobgd.cluster import join as joining
from nobgd.cluster import subjects
from nobgd.cluster.link import open_link
from nobgd.fs import shared_memory
from nobgd.pool import model_process
from nobgd.pool.inference import Inference
from nobgd.values import Job, wire
from nobgd.values.errands import Errand
from nobgd.values.wire import Finished

_LONGEST_S = 600.0
_LOOK_S = 0.25


@dataclass(slots=True)
class Asking(stub.Lanes):
    """Lanes that ask, each for one mask at a time."""

    asked: Inference | None = None
    threads: ThreadPoolExecutor = field(default_factory=ThreadPoolExecutor)
    masks: int = 0
    away: int = 0

    def submit(self, request: Job | Errand) -> Future[Finished]:
        """A photo is done when its mask is there."""
        if isinstance(request, Job):
            return self.threads.submit(self._work, request)
        return stub.Lanes.submit(self, request)

    def _work(self, job: Job) -> Finished:
        memory = shared_memory.create(SIZE)
        try:
            os.pwrite(memory, os.urandom(WEIGHTS.shown_bytes), WEIGHTS.shown_at)
            assert self.asked is not None
            ran = self.asked.run(0, memory, lambda: True)
        finally:
            os.close(memory)
        self.masks += 1
        self.away += ran.thought is not None
        return stub.Lanes.submit(self, job).result()


class Looks:
    """The most questions that the broker kept, as far as it was asked often enough."""

    def __init__(self, join: str | None) -> None:
        self.most, self._over = 0, threading.Event()
        self._thread = threading.Thread(target=self._look, args=(join,), daemon=True)
        self._thread.start()

    def _look(self, join: str | None) -> None:
        if join is not None:
            asyncio.run(self._ask(join))

    async def _ask(self, join: str) -> None:
        link = await open_link(joining.read(Path(join)), "looks")
        while not self._over.is_set():
            said = json.loads(await link.ask(f"$JS.API.STREAM.INFO.{subjects.THINK}", b"", 30.0))
            self.most = max(self.most, said.get("state", {}).get("messages", 0))
            await asyncio.sleep(_LOOK_S)
        await link.close()

    def end(self) -> int:
        """Look no more; the most."""
        self._over.set()
        self._thread.join()
        return self.most


def run(inbox: Path, masks: int, lanes: int, work: Path, join: str | None) -> dict[str, Any]:
    """Have a part of an inbox done; what was kept meanwhile."""
    model_process.PROCESS = "cluster.sleeper"
    photos = sum(len(files) for _, _, files in os.walk(inbox))
    work.mkdir()
    link = None if join is None else wire.Link(join, (WEIGHTS,), lease_s=30.0)
    inference = Inference(wire.ModelSetup((WEIGHTS,), str(work)), deadline_s=120.0, link=link)
    inference.start()
    inference.await_ready()
    waits = Asking(asked=inference, threads=ThreadPoolExecutor(lanes))
    service = stub.service(work, inbox, waits, settle_s=0.0, count=lanes)
    looks = Looks(join)
    service.start()
    backlog, flying = service.state.backlog, service.state.in_flight

    def enough() -> bool:
        left = photos - waits.done - len(flying) - lanes
        made = waits.masks if join is None else waits.away
        return made >= masks and len(backlog) >= left

    stub.until(service, enough, _LONGEST_S)
    found = {
        "masks": waits.masks, "away": waits.away, "waiting": len(backlog) + len(flying),
        "stored": looks.end(), "supervisor_mb": mb(os.getpid(), "VmHWM"),
    }  # fmt: skip
    inference.close()
    waits.threads.shutdown(cancel_futures=True)
    return found


if __name__ == "__main__":
    inbox, masks, lanes, work = sys.argv[1:5]
    join = sys.argv[5] if len(sys.argv) > 5 else None
    end = run(Path(inbox), int(masks), int(lanes), Path(work), join)
    print(json.dumps(end), flush=True)
    os._exit(0)  # all of it is scratch
