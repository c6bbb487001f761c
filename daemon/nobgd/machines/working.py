"""A worker's lanes: whole jobs on folders that this machine mounts, too.

A photo that may not fit into this machine's memory is told by its header, as one is that is larger
than home allows, and goes back before its pixels are read.

A job is pulled once home has seen that the folders are the same (`showing`).  It is a lane's, as at
home: confined, with a deadline.  Its lease is renewed three times in each, and the broker has to
say so: a lane whose lease could not be renewed is killed, as another machine may be at the photo by
then.  Clocks run while a machine sleeps, so one that wakes up finds that it is too late.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, replace
from itertools import permutations

from nobgd.cluster import frames, subjects
from nobgd.cluster.link import Link, Lost, Pulled, Unheard
from nobgd.cluster.paths import Shares, Spot
from nobgd.cluster.words import MOST_JOB, Cast, Outcome, plain
from nobgd.cluster.words import Job as Words
from nobgd.fs import mounts
from nobgd.machines.answering import Answering
from nobgd.machines.thinking import Models
from nobgd.pool import sent
from nobgd.pool.lanes import Lanes
from nobgd.pool.memory import Budget, automatic, cores, needed_mb
from nobgd.values import Blame, Code, Done, Failed, Job, Recipe, wire
from nobgd.values.mount import Mount
from nobgd.values.photos import ADAPTIVE
from nobgd.values.wire import Finished

_MOST_DELIVERIES = 5  # then it is to blame itself for what became of the machines before
_AGAIN_S, _TRIES = 1.0, 8  # clients of NFS and SMB remember for a while what they have not seen
_KEPT = 0.8  # of a lease: then it is too late to count on it
_LOOK_S = 0.5
_MB = 1_000_000
_MB_PER_MEGAPIXEL, _ADDRESS_SPACE_MB = 40.0, 3_000.0  # as in `pool.engine`


@dataclass(frozen=True, slots=True)
class Wish:
    """All that lanes are made from that a home wants; another one needs other lanes."""

    folders: tuple[tuple[str, bool], ...]  # absolute paths, and whether they are written to
    deadline_s: float
    max_megapixels: float


def wish(casts: list[Cast], shares: Shares) -> Wish | None:
    """What the first home wants that offers folders which are here; None: none does."""
    for cast in casts:
        found = [(shares.path(Spot(each.share, each.below)), each) for each in cast.offered]
        if found and all(path is not None for path, _ in found):
            folders = tuple((str(path), each.writes) for path, each in found)
            return Wish(folders, cast.deadline_s, cast.max_megapixels)
    return None


NONE_OFFERED = "home names no folder for whole photos; `cluster: {shares: …}` there, by these names"


def lacking(casts: list[Cast], shares: Shares) -> str:
    """Which shares a home has that are not here, in a sentence."""
    missing = {
        each.share for cast in casts for each in cast.offered
        if shares.path(Spot(each.share, each.below)) is None
    }  # fmt: skip
    if not missing:
        return ""
    names = ", ".join(sorted(missing))
    if len(missing) > 1:
        return f"home has shares {names} that are not here; name their folders with --share"
    return f"home has a share {names} that is not here; name its folder with --share"


class Working:
    """Lanes for the jobs of one home; made and closed in threads, the rest in the loop."""

    def __init__(self, models: Models, wish: Wish, cache_dir: str) -> None:
        """``models`` are those of thinking, whose process makes the masks of both."""
        assert models.inference is not None  # noqa: S101 - there are some
        self.wish = wish
        self.lanes_count = models.at_a_time + 1  # one reads while others wait for a mask
        self.mounts: dict[str, Mount] = {}
        self.grains: dict[str, int] = {}
        every = list(models.weights.values())
        closer = tuple(
            (Recipe(first.name, first.sha256, ADAPTIVE), each)
            for first, each in permutations(every, 2)
            if first.name == each.name and (first.precision, each.precision) == ("int8", "fp32")
        )
        first = {each.sha256: each for each in every}
        weights = (
            *((Recipe(each.name, each.sha256, each.precision), each) for each in every),
            *((recipe, first[recipe.checksum]) for recipe, _ in closer),
        )
        kinds = [(each.engine, each.precision) for each in models.weights.values()]
        memory = wish.max_megapixels * _MB_PER_MEGAPIXEL + _ADDRESS_SPACE_MB
        setup = wire.Setup(
            lane=0, threads=1, cache_dir=cache_dir, weights=weights, closer=closer,
            memory_bytes=int(memory * _MB),
            read=tuple(path for path, writes in wish.folders if not writes),
            write=tuple(path for path, writes in wish.folders if writes),
        )  # fmt: skip
        budget = Budget(automatic(needed_mb(self.lanes_count, models.at_a_time, kinds)))
        self.largest = budget.limit  # megapixels: all that may be in memory at a time
        self.lanes = Lanes(
            setup, self.lanes_count, deadline_s=wish.deadline_s, budget=budget, cores=cores(),
            inference=models.inference, eager=self.lanes_count,
        )  # fmt: skip

    def open(self) -> None:
        """Open a lane.  Blocks.  Raises `Unfit`."""
        self.lanes.start()

    def close(self) -> None:
        """End them, and the model process.  Blocks."""
        self.lanes.shutdown(wait=False, cancel_futures=True)

    def identify(self) -> None:
        """See on what the folders lie now.  Blocks.  Raises OSError."""
        self.mounts = {path: mounts.identify(path) for path, _ in self.wish.folders}


@dataclass(slots=True)
class _Lease:
    until: float  # by `_now`


class Jobs:
    """The jobs that are at work."""

    def __init__(self, name: str, shares: Shares, at: Answering) -> None:
        self._name, self._shares, self._at = name, shares, at
        self.done = 0

    async def work(self, link: Link, working: Working, lease_s: float, pulled: Pulled) -> None:
        """One job to its end.  Handing its answer over is for another task."""
        try:
            words, data = frames.unpack(Words, pulled.data, MOST_JOB)
        except frames.Broken:
            words = None
        if words is None or self._at.is_gone(words.home):
            with contextlib.suppress(Lost):
                await link.done(pulled)
            return
        subject = subjects.answer(words.home, self._name)
        lease = _Lease(_now() + _KEPT * lease_s)
        began = Outcome(id=words.id, began=True, delivery=pulled.delivery)
        renewing = asyncio.create_task(self._renew(link, subject, began, pulled, lease, lease_s))
        try:
            said = await self._do(working, words, data, pulled.delivery, lease)
        finally:
            renewing.cancel()
        if said is None:  # the lease is lost: it is another's, and so is what is said of it
            return
        self._at.begin(self._finish(link, subject, said, pulled))

    async def _finish(self, link: Link, subject: str, said: bytes, pulled: Pulled) -> None:
        await self._at.deliver(subject, said)
        with contextlib.suppress(Lost):
            await link.done(pulled)
        self.done += 1

    async def _renew(
        self, link: Link, subject: str, began: Outcome, pulled: Pulled, lease: _Lease,
        lease_s: float,
    ) -> None:  # fmt: skip
        """Tell home that somebody is at it, and have the broker keep it for us."""
        with contextlib.suppress(Lost):
            while True:
                await link.publish(subject, frames.pack(began))
                await asyncio.sleep(lease_s / 3)
                asked = _now()
                with contextlib.suppress(Unheard):
                    await link.renew_surely(pulled)
                    lease.until = asked + _KEPT * lease_s

    async def _do(
        self, working: Working, words: Words, data: bytes, delivery: int, lease: _Lease
    ) -> bytes | None:
        """The answer as it is handed over; None: the lease was lost meanwhile."""
        if delivery >= _MOST_DELIVERIES:
            why = f"{delivery - 1} machines got it and none answered"
            return frames.pack(Outcome(id=words.id, failed=why, delivery=delivery))
        try:
            job = sent.read(data, self._shares)
        except sent.Broken as error:
            return frames.pack(Outcome(id=words.id, failed=str(error), delivery=delivery))
        spot = self._shares.spot(job.inbox)
        grain = working.grains.get("" if spot is None else spot.share)
        if grain is None or job.inbox not in working.mounts or job.outbox not in working.mounts:
            why = "it has not shown this folder"
            return frames.pack(Outcome(id=words.id, failed=why, delivery=delivery))
        job = replace(
            job, grain_ns=grain, inbox_mount=working.mounts[job.inbox],
            outbox_mount=working.mounts[job.outbox],
            max_megapixels=min(job.max_megapixels, working.largest),
        )  # fmt: skip
        finished = await self._lane(working.lanes, job, lease)
        tried = 1
        while finished is not None and _may_be_old(finished, tried):
            await asyncio.sleep(_AGAIN_S)
            finished, tried = await self._lane(working.lanes, job, lease), tried + 1
        if finished is None:
            return None
        answer = finished.answer
        if isinstance(answer, wire.Unbegun):
            return frames.pack(Outcome(id=words.id, failed=plain(answer.why), delivery=delivery))
        if isinstance(answer, Failed) and answer.code is Code.TOO_LARGE:  # home books its own word
            why = f"more than the {working.largest:.0f} megapixels that memory here has room for"
            return frames.pack(Outcome(id=words.id, failed=why, beyond=True, delivery=delivery))
        said = Outcome(
            id=words.id, lane=finished.lane, waited_s=finished.waited_s, delivery=delivery,
            closer=job.recipe.precision == ADAPTIVE and _by_fp32(answer),
        )  # fmt: skip
        return frames.pack(said, wire.pack(answer, job.outbox))

    async def _lane(self, lanes: Lanes, job: Job, lease: _Lease) -> Finished | None:
        """A lane's answer; None: the lease was lost, and the lane killed."""
        future = asyncio.wrap_future(lanes.submit(job))
        while not future.done():
            if _now() > lease.until:
                await asyncio.to_thread(lanes.abandon, job)
            await asyncio.wait([future], timeout=_LOOK_S)
        if future.cancelled() or _now() > lease.until:
            return None
        finished: Finished = future.result()
        return finished


def _by_fp32(answer: Done | Failed) -> bool:
    return isinstance(answer, Done) and answer.precision == "fp32"


def _may_be_old(finished: Finished, tried: int) -> bool:
    """Whether this may be what a client of NFS or SMB remembers, after so many tries."""
    answer = finished.answer
    if not isinstance(answer, Failed) or answer.code.blame is not Blame.NOBODY:
        return False
    return tried < (_TRIES if answer.code is Code.VANISHED else 2)


def _now() -> float:
    """Seconds that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
