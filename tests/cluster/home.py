"""A home without lanes: inference with its link, one seat of its own, and whoever asks."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from cluster.broker import Broker, Worker, await_true
from nobgd import models
from nobgd.fs import shared_memory
from nobgd.pool.inference import Inference
from nobgd.values import wire
from nobgd.values.machine import UP, Machine

FOUND = models.find("u2netp")
SPEC = FOUND.spec
WEIGHTS = wire.Weights(
    str(FOUND.path), SPEC.sha256, "u2netp", "fp32", SPEC.input_size, SPEC.mean, SPEC.std
)
SIZE = wire.tensor_bytes([WEIGHTS])


class Home:
    """The supervisor's side with one seat of its own, and lanes that ask."""

    def __init__(self, broker: Broker, cache: Path, **weights: Any) -> None:
        """``weights`` differ from those of u2netp."""
        one = replace(WEIGHTS, **weights)
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.inference = Inference(
            wire.ModelSetup((one,), str(cache)), deadline_s=60.0,
            link=wire.Link(str(broker.home), (one,), lease_s=2.0),
            told=lambda event, fields: self.told.append((event, fields)),
        )  # fmt: skip
        self.lanes = ThreadPoolExecutor(16)
        self.inference.start()
        self.inference.await_ready()

    def machine(self, host: str = "desk-1") -> Machine | None:
        others = self.inference.others
        assert others is not None
        return next((each for each in others.machines if each.host == host), None)

    def has(self, host: str = "desk-1", state: str = UP) -> None:
        def so() -> bool:
            machine = self.machine(host)
            return machine is not None and machine.state == state

        await_true(so)

    def ask(self, count: int) -> list[Future[wire.Ran]]:
        return [self.lanes.submit(self._ask) for _ in range(count)]

    def _ask(self) -> wire.Ran:
        """A lane's question; its mask has to be right."""
        memory = shared_memory.create(SIZE)
        picture = os.urandom(1000) * (WEIGHTS.shown_bytes // 1000 + 1)
        picture = picture[: WEIGHTS.shown_bytes]
        os.pwrite(memory, picture, WEIGHTS.shown_at)
        ran = self.inference.run(0, memory, lambda: True, about={"source": "/in/a.jpg"})
        mask = os.pread(memory, WEIGHTS.mask_bytes, WEIGHTS.input_bytes)
        assert mask == picture[::3]
        os.close(memory)
        return ran

    def close(self) -> None:
        self.inference.close()
        self.lanes.shutdown()

    def events(self, name: str) -> list[dict[str, Any]]:
        return [fields for event, fields in self.told if event == name]


def hosts(answers: list[Future[wire.Ran]]) -> list[str]:
    """Who made the masks, when all are there."""
    ran = [each.result(60) for each in answers]
    return [each.thought.host if each.thought else "here" for each in ran]


def holds(worker: Worker, home: Home) -> Callable[[], bool]:
    """Whether the machine has begun a question and has not answered it."""
    assert home.inference.elsewhere is not None
    away = home.inference.elsewhere.away
    assert away is not None
    return lambda: any(each.host == worker.host for each in list(away._out.values()))
