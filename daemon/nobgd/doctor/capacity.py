"""How much is done at a time, what memory that takes, and how fast that is here."""

from __future__ import annotations

import os
from collections.abc import Iterator

from nobgd.config import Config
from nobgd.doctor import ask
from nobgd.doctor.finding import Finding
from nobgd.pool import cgroup, engine, memory
from nobgd.status import control

_WAIT_S = 60.0  # for a model to be opened and run three times


def look(config: Config, who: ask.Who) -> Iterator[Finding]:
    """Memory, then speed; what a daemon that runs holds by now counts as free."""
    working = _working(config)
    held = 0.0
    if working is not None:
        wanted = engine.sizes(config, float("inf"))
        held = engine.needed_mb(config, wanted.lanes, wanted.infer)
    yield _memory(config, held)
    yield _speed(config, who, busy=bool(working))


def _working(config: Config) -> int | None:
    """Photos that the daemon is at; None: it does not run, or does not say."""
    try:
        return int(control.ask(config, {"do": "status"}).get("working", 0))
    except (control.Busy, control.NotRunning, PermissionError):
        return None


def _memory(config: Config, held_mb: float) -> Finding:
    size = engine.sizes(config, held_mb)
    if (why := engine.cramped(config, size, held_mb)) is not None:
        return Finding(False, "memory", why)
    need = engine.needed_mb(config, size.lanes, size.infer, held_mb)
    limit, _ = cgroup.memory_mb()
    whose = "free" if limit is None else f"left of a limit of {limit:.0f}"
    lanes, infer = _count(size.lanes, "lane"), _count(size.infer, "inference")
    return Finding(
        True, "memory",
        f"{lanes} and {infer} at a time take {need:.0f} MB and their photos;"
        f" {memory.available_mb(held_mb):.0f} MB are {whose}",
    )  # fmt: skip


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _speed(config: Config, who: ask.Who, *, busy: bool) -> Finding:
    found = ask.run("nobgd.doctor.speed", os.path.abspath(config.origin), who, _WAIT_S)
    if (why := found.get("why") or found.get("error")) is not None:
        return Finding(True, "speed", f"not measured: {why}")
    per_minute, at_a_time = found["per_minute"], found["at_a_time"]
    says = (
        f"about {per_minute:.0f} photos of 12 MP a minute here; an inference of {found['model']}"
        f" by {found['engine']} takes {found['seconds']:.2f} s, {at_a_time} at a time"
    )
    return Finding(True, "speed", f"{says}; others were at work meanwhile" if busy else says)
