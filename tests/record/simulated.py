"""A daemon's day, simulated: what ``photo.done`` says of photos that come in all kinds of ways.

Two cores and one to four lanes; a photo's time follows from its model, engine, threads, size,
format, compression and from how many lanes are at work meanwhile; the noise is lognormal, slow
waves included, and some photos take several times as long for no reason.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

INFER_MS = {"u2net": 1100.0, "u2netp": 400.0}
FORMATS = {".jpg": 8.0, ".png": 30.0, ".tif": 14.0}  # ms per megapixel to decode
ENCODE = {"fast": 22.0, "balanced": 60.0}
CORES = 2


@dataclass(frozen=True)
class Inbox:
    path: str
    model: str
    precision: str
    sizes: tuple[float, ...]
    suffix: str
    compression: str


@dataclass
class Day:
    """The photos of one seed, in the order in which they are done."""

    seed: int
    slower_from: int = 1 << 60  # photos
    factor: float = 1.3

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.noise = self.chance.uniform(0.03, 0.2)
        self.strange = self.chance.uniform(0.0, 0.04)
        self.lanes = self.chance.choice([1, 2, 2, 2, 4])
        self.fixed_threads = self.chance.choice([None, None, 1])
        self.engine = self.chance.choice(["onnxruntime", "onnxruntime", "ncnn"])
        self.inboxes = [self.inbox(number) for number in range(self.chance.choice([1, 1, 2, 3]))]
        self.wave = 0.0
        self.reloads = True

    @property
    def mixed(self) -> bool:
        """So many kinds in so few photos that there is little to compare with."""
        return len(self.inboxes) * self.lanes * max(len(i.sizes) for i in self.inboxes) > 6

    def inbox(self, number: int) -> Inbox:
        chance = self.chance
        common = [0.3, 0.9, 2.1, 5.0, 8.3, 12.0, 12.2, 16.1, 20.2, 24.2, 45.7]
        sizes = tuple(chance.sample(common, chance.choice([1, 2, 3, 8])))
        return Inbox(
            f"/in{number}", chance.choice(list(INFER_MS)), chance.choice(["fp32", "fp32", "int8"]),
            sizes, chance.choice(list(FORMATS)), chance.choice(list(ENCODE)),
        )  # fmt: skip

    def events(self, count: int) -> Iterator[dict[str, Any]]:
        done = 0
        while done < count:
            if self.chance.random() < 0.06 and self.reloads:
                self.reload()
            for event in self.batch(done):
                done += 1
                yield event

    def reload(self) -> None:
        match self.chance.choice(["model", "precision", "lanes", "threads", "engine", "pack"]):
            case "model":
                self.change(model=self.chance.choice(list(INFER_MS)))
            case "precision":
                self.change(precision=self.chance.choice(["fp32", "int8"]))
            case "pack":
                self.change(compression=self.chance.choice(list(ENCODE)))
            case "lanes":
                self.lanes = self.chance.choice([1, 2, 4])
            case "threads":
                self.fixed_threads = self.chance.choice([None, 1, 2])
            case "engine":
                self.engine = self.chance.choice(["onnxruntime", "ncnn"])

    def change(self, **fields: Any) -> None:
        at = self.chance.randrange(len(self.inboxes))
        self.inboxes[at] = replace(self.inboxes[at], **fields)

    def batch(self, before: int) -> list[dict[str, Any]]:
        """One photo, a few, or many at once, from one inbox or all; in the order of their ends."""
        chance = self.chance
        size = chance.choice([1, 1, 1, chance.randint(2, 6), chance.randint(20, 120)])
        of = chance.choice([self.inboxes, [chance.choice(self.inboxes)]])
        waiting = [chance.choice(of) for _ in range(size)]
        self.wave = 0.9 * self.wave + chance.gauss(0.0, 0.012)
        return self.work(waiting, before)

    def work(self, waiting: list[Inbox], before: int) -> list[dict[str, Any]]:
        """Lanes at work, slower together: the mean of how many there were is what is said."""
        now = 0.0
        said: list[dict[str, Any]] = []
        running: list[dict[str, Any]] = []
        while waiting or running:
            while waiting and len(running) < self.lanes:
                running.append(self.begin(waiting.pop(), len(running) + 1 + len(waiting), now))
            busy = len(running)
            slow = self.together(busy)
            step = min(one["left"] for one in running)
            now += step * slow
            for one in running:
                one["left"] -= step
                one["area"] += busy * step * slow
            ended = [one for one in running if one["left"] <= 1e-9]
            running = [one for one in running if one["left"] > 1e-9]
            for one in ended:
                said.append(self.end(one, now, before + len(said)))
        return said

    @staticmethod
    def together(busy: int) -> float:
        return max(1.0, 1 + 0.12 * (busy - 1), busy / CORES * 1.1 if busy > CORES else 1.0)

    def begin(self, inbox: Inbox, working: int, now: float) -> dict[str, Any]:
        chance = self.chance
        cut = chance.choice([1.0, 1.0, chance.uniform(0.9, 1.1)])
        megapixels = chance.choice(inbox.sizes) * cut
        share = max(1, CORES // max(1, working))
        threads = self.fixed_threads or (1 << share.bit_length() - 1)
        engine = self.engine if inbox.precision == "fp32" else "onnxruntime"
        infer = INFER_MS[inbox.model] / (threads**0.85)
        infer *= {"fp32": 1.0, "int8": 0.42}[inbox.precision] * (0.55 if engine == "ncnn" else 1.0)
        per = FORMATS[inbox.suffix] + ENCODE[inbox.compression] + 6
        noise = math.exp(chance.gauss(0.0, self.noise) + self.wave)
        if chance.random() < self.strange:
            noise *= chance.uniform(2, 9)
        stages = {"infer_ms": infer * noise, "encode_ms": per * megapixels * noise}
        return {
            "inbox": inbox, "megapixels": megapixels, "threads": threads, "engine": engine,
            "stages": stages, "left": sum(stages.values()) + 20, "area": 0.0, "began": now,
        }  # fmt: skip

    def end(self, one: dict[str, Any], now: float, number: int) -> dict[str, Any]:
        inbox: Inbox = one["inbox"]
        took = now - one["began"]
        factor = self.factor if number >= self.slower_from else 1.0
        return {
            "event": "photo.done", "how": "computed", "inbox": inbox.path, "model": inbox.model,
            "source": f"{inbox.path}/a{inbox.suffix}", "precision": inbox.precision,
            "compression": inbox.compression, "engine": one["engine"], "threads": one["threads"],
            "megapixels": round(one["megapixels"], 4), "total_ms": took * factor,
            "lanes_busy": round(one["area"] / took, 2),
            **{name: ms * factor for name, ms in one["stages"].items()},
        }  # fmt: skip
