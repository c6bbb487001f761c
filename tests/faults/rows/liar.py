"""A lane that lies: forged names, wrong types, a gigabyte, chatter, half a header, late answers.

Two lanes are such processes; every photo's answer is its own, or the failure that costs it one
attempt, within the deadline.  No lie is taken for an answer to somebody else's photo, each thread
lives on, and what would be logged is JSON.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faults import liar
from nobgd.jobs import plan
from nobgd.pool import lane_process
from nobgd.pool.lanes import Lanes
from nobgd.pool.memory import Budget
from nobgd.record import events
from nobgd.values import Code, Done, Failed, Job, Recipe, wire
from nobgd.values.wire import Finished, Unbegun

NAME, TITLE = "liar", "a lane that lies: forged names, wrong types, a gigabyte, chatter, silence"
FULL, SHORT = 10_000, 30
_PORTION = 60
_DEADLINE_S = 0.5
_SLACK_S = 60.0  # to open a lane on a busy machine
_SLOW = ("silence", "trickle", "chatter")  # end at the deadline, or after a hundred messages
_WEIGHTS = {name: 1 if name in _SLOW else 4 for name in liar.LIES}
_MAY = {Code.CRASHED, Code.DEADLINE, Code.GONE_AWAY}  # gone: silent where a share may be


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Tell the lies start … stop; yields (next number, violations, counts)."""
    before, lane_process.PROCESS = lane_process.PROCESS, "faults.liar"
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    setup = wire.Setup(0, 1, str(root), (), confine=False)
    lanes = Lanes(setup, 2, deadline_s=_DEADLINE_S, budget=Budget(100))
    try:
        lanes.start()
        while start < stop:
            end = min(start + _PORTION, stop)
            yield end, *_portion(lanes, root, seed, start, end)
            start = end
    finally:
        lane_process.PROCESS = before
        os.environ.pop("PYTHONPATH")
        if path is not None:
            os.environ["PYTHONPATH"] = path
        lanes.shutdown(wait=False)


def _portion(
    lanes: Lanes, root: Path, seed: int, start: int, end: int
) -> tuple[list[str], Counter[str]]:
    asked = []
    for number in range(start, end):
        draw = random.Random(seed * 1_000_003 + number)
        lie = draw.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        asked.append((lie, job := _job(root, f"{lie}-{number}.jpg"), lanes.submit(job)))
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    until = time.monotonic() + _SLACK_S + (_DEADLINE_S + 1.5) * (end - start)
    for lie, job, future in asked:
        try:
            finished = future.result(max(0.1, until - time.monotonic()))
            while isinstance(finished.answer, Unbegun) and time.monotonic() < until:
                time.sleep(_DEADLINE_S)  # its folder rests after much silence: asked again later
                finished = lanes.submit(job).result(max(0.1, until - time.monotonic()))
        except Exception as error:
            wrong.append(f"{job.relpath}: {type(error).__name__}: {error}")
            continue
        wrong += [f"{job.relpath}: {why}" for why in _violations(lie, job, finished)]
        seen[f"{lie}: {getattr(finished.answer, 'code', 'done')}"] += 1
    if (why := lanes.stuck(time.monotonic())) is not None:
        wrong.append(why)
    return wrong, seen


def _violations(lie: str, job: Job, finished: Finished) -> Iterator[str]:
    answer = finished.answer
    if not isinstance(answer, Done | Failed):
        yield f"no outcome, but {answer}"
        return
    if (answer.inbox, answer.relpath, answer.attempt) != (job.inbox, job.relpath, job.attempt):
        yield f"booked for {answer.inbox}/{answer.relpath}"
    if isinstance(answer, Failed):
        if lie == "truth":
            yield f"the truth was not believed: {answer.reason}"
        if lie not in ("field", "truth") and answer.code not in _MAY:
            yield f"failed as {answer.code}"
        line = events.photo_failed(answer, retry_in_s=1.0)
    else:
        if lie not in ("truth", "twice", "field"):
            yield "a lie was believed"
        if answer.output not in [f"{job.outbox}/{name}" for name in job.outputs]:
            yield f"its output is {answer.output}"
        line = events.photo_done(
            answer, lane=0, queued_ms=1.0, lanes_busy=1.0, compression=job.compression
        )
    json.dumps(line, allow_nan=False)


def _job(root: Path, name: str) -> Job:
    names = plan.outputs(name, "_nobg")
    return Job(
        f"{root}/in", name, 1, 1, f"{root}/out", names, frozenset(), frozenset(), "k",
        Recipe("u2netp", "0", "fp32"), attempt=2, spare=plan.spare(name, "_nobg"),
    )  # fmt: skip
