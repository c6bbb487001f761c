"""Damage of pixels' data: how much of it is seen, by format and kind; and no false alarm."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from faults import damages
from nobgd.values import NobgdError

NAME, TITLE = "damage", "damaged and odd pictures, decode level"
FULL, SHORT = 22_000, 220
_PORTION = 1_100
_WHOLE_EVERY = 11  # every so many a whole one
_CHECKED = ("PNG",)  # formats with checksums of their pixels: nothing may pass there


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:  # noqa: ARG001
    """Damage and decode the pictures start … stop; yields (next number, violations, counts)."""
    cores = os.cpu_count() or 1
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(cores, mp_context=spawn) as pool:
        while start < stop:
            end = min(stop, start + _PORTION)
            wrong: list[str] = []
            seen: Counter[str] = Counter()
            parts = [range(start + core, end, cores) for core in range(cores)]
            for some, counts in pool.map(_work, [seed] * cores, parts):
                wrong += some
                seen.update(counts)
            yield end, wrong, dict(sorted(seen.items()))
            start = end


def _work(seed: int, numbers: range) -> tuple[list[str], Counter[str]]:
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    for number in numbers:
        rng = random.Random(f"{seed}/damage/{number}")
        whole = number % _WHOLE_EVERY == _WHOLE_EVERY - 1
        what, fault = _odd(rng) if whole else _damaged(rng, number)
        seen[what] += 1
        if fault:
            wrong.append(f"{number}: {fault}")
    return wrong, seen


def _odd(rng: random.Random) -> tuple[str, str | None]:
    how, data, plain = damages.odd(rng)
    try:
        found = damages.pixels(data)
    except Exception as error:
        return "odd but whole, refused", f"{how}: {error}"
    if data is not plain and not np.array_equal(found, damages.pixels(plain)):
        return "odd but whole, other pixels", f"{how}: other pixels"
    return "odd but whole, taken", None


def _damaged(rng: random.Random, number: int) -> tuple[str, str | None]:
    all_of_them = damages.samples()
    sample = all_of_them[number % len(all_of_them)]
    way = damages.WAYS[number // len(all_of_them) % len(damages.WAYS)]
    bad = damages.damaged(rng, sample, way)
    name = f"{sample.kind} {way}"
    try:
        found = damages.pixels(bad)
    except NobgdError:
        return f"{name}, seen", None
    except Exception as error:
        return f"{name}, wrong", f"{name}: {type(error).__name__}: {error}"
    if bad == sample.data or np.array_equal(found, damages.pixels(sample.data)):
        return f"{name}, harmless", None
    passed = sample.kind.startswith(_CHECKED)
    return f"{name}, not seen", f"{name}: not seen" if passed else None


def told(counts: dict[str, int]) -> list[str]:
    """The share that was seen of what changed pixels, as a table."""
    shares: dict[str, dict[str, Counter[str]]] = {}
    for name, count in counts.items():
        what, _, came = name.rpartition(", ")
        if (way := what.rpartition(" ")[2]) in damages.WAYS:
            ways = shares.setdefault(what.removesuffix(f" {way}"), {})
            ways.setdefault(way, Counter())[came] += count
    whole = {name: count for name, count in counts.items() if name.startswith("odd")}
    lines = [f"- `{NAME}`: " + "; ".join(f"{name}: {count:,}" for name, count in whole.items())]
    lines += ["", "| share of damage seen | " + " | ".join(damages.WAYS) + " | files |"]
    lines += ["|---" * (len(damages.WAYS) + 2) + "|"]
    for kind, ways in sorted(shares.items()):
        parts = []
        for way in damages.WAYS:
            ended = ways.get(way, Counter())
            changed = ended["seen"] + ended["not seen"]
            parts.append(f"{ended['seen'] / changed:.0%}" if changed else "")
        files = sum(ended.total() for ended in ways.values())
        lines.append(f"| {kind} | {' | '.join(parts)} | {files:,} |")
    return [*lines, ""]
