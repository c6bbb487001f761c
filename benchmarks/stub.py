"""The real daemon around an engine that does nothing: what the supervisor itself costs.

Scanning, settling, planning, the ledger and the log are the product's own; only the lanes
are replaced by an answer at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nobgd import config as configuration
from nobgd.pool import engine
from nobgd.record.log import Log
from nobgd.supervisor import state_folder
from nobgd.supervisor.service import Service
from nobgd.values import Code, Done, Failed, Job, Recipe, Timing
from nobgd.values.errands import Errand, Prepare
from nobgd.values.mount import Mount
from nobgd.values.wire import ErrandFailed, Finished

_STAGES = Timing(1.0, 10.0, 600.0, 5.0, 20.0, 3.0, 640.0)


class Inference:
    """A model that is there."""

    state = "open"


@dataclass(slots=True)
class Lanes:
    """Answers every request at once."""

    took: Callable[[Job], None] = lambda _: None
    done: int = 0
    device: int = 0
    gone: bool = False  # the outboxes are: whatever is asked fails for that
    trouble: str = ""  # memory never runs out
    others: None = None  # no other machines by the configuration
    inference: Inference = field(default_factory=Inference)
    recipe: Recipe = field(default_factory=lambda: Recipe("u2net", "0" * 64, "fp32"))

    def start(self, *_: object, **__: object) -> None:
        """Nothing to start."""

    def submit(self, request: Job | Errand) -> Future[Finished]:
        """A finished photo, or an errand done."""
        future: Future[Finished] = Future()
        answer: Any = 0
        if isinstance(request, Prepare):
            answer = Mount(self.device, -1, "", "unknown", "")
        if self.gone and isinstance(request, Job):
            why = f"{request.outbox} is not there; make it, or mount its share"
            answer = Failed(request.inbox, request.relpath, Code.GONE_AWAY, why, side="output")
            future.set_result(Finished(answer, 0, 0.0))
            return future
        if self.gone:
            future.set_exception(ErrandFailed(Code.GONE_AWAY, "not there; mount its share"))
            return future
        if isinstance(request, Job):
            self.done += 1
            self.took(request)
            answer = Done(
                request.inbox, request.relpath, f"{request.outbox}/{request.outputs[0]}",
                f"{self.done:064x}", self.recipe.key, 4000, 3000, request.size, 9_000_000,
                timing=_STAGES, model="u2net", precision="fp32",
            )  # fmt: skip
        future.set_result(Finished(answer, 0, 0.0))
        return future

    def put_back(self) -> list[Job | Errand]:
        """Nothing ever waits."""
        return []

    drain = put_back

    def more(self) -> int:
        """Nothing: no other machine does whole jobs."""
        return 0

    def silent(self, *_: str) -> str | None:
        """Every folder answers."""
        return None

    def busy(self) -> list[tuple[int, str, str, float]]:
        """No lane is ever at work."""
        return []

    def stuck(self, _: float) -> str | None:
        """No lane ever hangs."""
        return None

    def pids(self) -> list[int]:
        """There are no processes."""
        return []

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing to end."""


def service(
    work: Path, inbox: Path | Sequence[Path], lanes: Lanes, settle_s: float, *,
    share_control: bool = False, count: int = 2,
) -> Service:  # fmt: skip
    """A daemon on one inbox or many whose ``count`` lanes are ``lanes``; not started."""
    inboxes = [inbox] if isinstance(inbox, Path) else list(inbox)
    boxes = [work / ("stub-out" if len(inboxes) == 1 else f"out-{each.name}") for each in inboxes]
    for out in boxes:
        out.mkdir(exist_ok=True)
    lanes.device = boxes[0].stat().st_dev
    settings = {
        "state_dir": str(work / "stub-state"), "cache_dir": str(work / "stub-cache"),
        "watch": {"settle_s": settle_s, "rescan_s": 30},
        "inboxes": [
            {"path": str(each), "outbox": str(out), "share_control": share_control}
            for each, out in zip(inboxes, boxes, strict=True)
        ],
    }  # fmt: skip
    understood = configuration.parse(json.dumps(settings), "stub", work)
    recipes = {str(each): lanes.recipe for each in inboxes}
    made = engine.Engine(lanes, recipes, count, 1, 200.0, "onnxruntime")  # type: ignore[arg-type]  # a stub
    engine.build = lambda *_: made
    claimed = state_folder.claim(understood.state_dir, understood.cache_dir)
    log = Log("info", str(work / "stub.log"), mute=True)
    return Service(understood, claimed.ledger, log)


def until(service: Service, ready: Callable[[], bool], longest_s: float) -> None:
    """Step the loop until ``ready``."""
    end = time.monotonic() + longest_s
    while not ready():
        service.loop.step()
        if time.monotonic() > end:
            raise TimeoutError
