"""Whether work is getting slower: photos against earlier ones of the same kind.  Pure.

A photo is compared with those of its own kind (inbox, machine, model, precision, engine, threads,
lanes at work, format, compression) and size: what it took, over the median of theirs.  What a
daemon happens to be given, one photo or a thousand, small or large, by this model or that, is no
drift then; a disk, a fan or an update that makes everything slower is.
"""

from __future__ import annotations

import math
import os
import statistics
import struct
from bisect import bisect_left, insort
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

STAGES = ("read_ms", "decode_ms", "infer_ms", "edges_ms", "compose_ms", "encode_ms", "publish_ms")
RECENT = 100  # photos that are compared with those before them
ENOUGH = 60  # of these have something to be compared with, or nothing is said
_KINDS, _OF_EACH = 48, 300  # kinds that are remembered, and photos of each: the latest
_ALIKE = 1.12  # sizes within this factor are compared
_NEIGHBOURS = 20, 40  # photos of that size and kind: the least, and the most that are looked at
_EVERY = 5  # photos: how often it is looked at
_BUSY_STEP = 1.25  # lanes at work within this factor are alike
_MOST_LANES = 10_000


def kind(event: dict[str, Any]) -> tuple[Hashable, ...]:
    """What a ``photo.done`` may be compared by.  Fields that an older log lacks count as equal."""
    busy = event.get("lanes_busy")
    lanes = float(busy) if isinstance(busy, int | float) and 1 <= busy <= _MOST_LANES else 1.0
    names = (
        "inbox", "host", "model", "precision", "engine", "threads", "recipe", "compression",
        "format",
    )  # fmt: skip
    suffix = os.path.splitext(str(event.get("source", "")))[1].lower()
    return (*(str(event.get(name)) for name in names), suffix, round(math.log(lanes, _BUSY_STEP)))


class Point(NamedTuple):
    """One photo: its size and what it took."""

    megapixels: float
    total_ms: float
    stages_ms: tuple[float, ...]

    def packed(self) -> bytes:
        """A third of the memory, as many are kept; floats above 0 lie in the order of size."""
        return _PACKED.pack(self.megapixels, self.total_ms, *self.stages_ms)


_PACKED = struct.Struct(f">{2 + len(STAGES)}d")
_SIZE = struct.Struct(">d")  # what all of a size begin with


class Usual:
    """The latest photos of one kind, by size."""

    def __init__(self) -> None:
        self._order: deque[bytes] = deque()
        self._sorted: list[bytes] = []

    def add(self, point: Point) -> None:
        """One more; beyond 300 the oldest is forgotten."""
        packed = point.packed()
        self._order.append(packed)
        insort(self._sorted, packed)
        if len(self._order) > _OF_EACH:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]

    def __len__(self) -> int:
        return len(self._order)

    def near(self, megapixels: float) -> list[Point]:
        """Those of about this size: an even selection; empty when they are too few."""
        least, most = _NEIGHBOURS
        low = bisect_left(self._sorted, _SIZE.pack(megapixels / _ALIKE))
        high = bisect_left(self._sorted, _SIZE.pack(math.nextafter(megapixels * _ALIKE, math.inf)))
        if high - low < least:
            return []
        step = -(-(high - low) // most)
        found = map(_PACKED.unpack, self._sorted[low:high:step])
        return [Point(size, total, tuple(stages)) for size, total, *stages in found]


@dataclass(frozen=True, slots=True)
class _Compared:
    point: Point
    usual_ms: float  # the median of photos of its kind and size
    usual: Usual


class Drift:
    """Follows a daemon's photos: the latest hundred against those before them.

    Bounded: 300 photos for each of the 48 kinds that came last.  A photo is remembered for
    comparison only when a hundred others have come after it, so a slower time does not become
    what is usual while it is being noticed.  A single huge or slow photo changes nothing: what
    decides is the median.
    """

    def __init__(self, percent: float) -> None:
        self._percent = percent
        self._usual: OrderedDict[tuple[Hashable, ...], Usual] = OrderedDict()
        self._waiting: deque[tuple[tuple[Hashable, ...], Point]] = deque()
        self._compared: deque[_Compared] = deque(maxlen=RECENT)
        self._count = 0
        self._said = False

    def note(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Take any event; a ``service.drift`` to log when the cost has grown, once until it mends.

        Only photos that were computed count.
        """
        if event.get("event") != "photo.done" or event.get("how", "computed") != "computed":
            return None
        megapixels, total = (float(event.get(name) or 0.0) for name in ("megapixels", "total_ms"))
        if megapixels <= 0 or total <= 0:
            return None
        stages = tuple(float(event.get(name) or 0.0) for name in STAGES)
        point, of = Point(megapixels, total, stages), kind(event)
        usual = self._usual.get(of)
        near = usual.near(megapixels) if usual is not None else []
        if usual is not None and near:
            median = statistics.median([each.total_ms for each in near])
            self._compared.append(_Compared(point, median, usual))
        self._remember(of, point)
        self._count += 1
        return self._judge() if self._count % _EVERY == 0 else None

    def _remember(self, of: tuple[Hashable, ...], point: Point) -> None:
        self._waiting.append((of, point))
        if len(self._waiting) <= RECENT:
            return
        of, point = self._waiting.popleft()
        self._usual.setdefault(of, Usual()).add(point)
        self._usual.move_to_end(of)
        if len(self._usual) > _KINDS:
            self._usual.popitem(last=False)

    def _judge(self) -> dict[str, Any] | None:
        if len(self._compared) < ENOUGH:
            return None
        ratios = [each.point.total_ms / each.usual_ms for each in self._compared]
        growth = (statistics.median(ratios) - 1) * 100
        if growth < self._percent / 2:
            self._said = False
        if self._said or growth < self._percent:
            return None
        self._said = True
        megapixels = sum(each.point.megapixels for each in self._compared)
        kinds = {id(each.usual): each.usual for each in self._compared}
        return {
            "event": "service.drift",
            "percent": round(growth, 1),
            "stage": self._grown_stage(),
            "before_ms_per_megapixel": round(
                sum(each.usual_ms for each in self._compared) / megapixels, 2
            ),
            "recent_ms_per_megapixel": round(
                sum(each.point.total_ms for each in self._compared) / megapixels, 2
            ),
            "photos_before": sum(len(usual) for usual in kinds.values()),
            "photos_recent": len(self._compared),
        }

    def _grown_stage(self) -> str:
        """The stage that takes the most milliseconds more than it did for such photos."""
        more = dict.fromkeys(STAGES, 0.0)
        for each in self._compared:
            near = each.usual.near(each.point.megapixels)
            for number, name in enumerate(STAGES):
                if near:
                    usual = statistics.median(one.stages_ms[number] for one in near)
                    more[name] += each.point.stages_ms[number] - usual
        return max(STAGES, key=lambda name: more[name]).removesuffix("_ms")
