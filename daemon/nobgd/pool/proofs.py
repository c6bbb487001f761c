"""Which machines have shown that they see our folders; each is asked by a thread that may wait.

A pair of inbox and outbox is asked about once a photo of it has come by: then it is known what the
folders lie on, and there is a file to compare.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from nobgd.cluster import grain
from nobgd.cluster.paths import Shares
from nobgd.pool import proof
from nobgd.pool.link_words import Seen, Shown
from nobgd.pool.stages import Request
from nobgd.values import Job
from nobgd.values.errands import Mark, Sample
from nobgd.values.machine import UP
from nobgd.values.mount import Mount
from nobgd.values.wire import ErrandFailed, Finished

Pair = tuple[str, str]  # inbox, outbox
_WITHIN_S = 30.0  # a machine's answer, or a lane's
_MOST_ASKED = 30_000  # bytes
_AGAIN_S, _LONGEST_S = 10.0, 60.0  # between two proofs of one machine
_SHOWN = "shown"
_REST_S = 600.0  # after it lied
_MISSED = 3
_DIFFERS = 2  # a client of SMB remembers for a second or two the photo that had the name before
_TRIES, _PAUSE_S = 8, 1.0  # to see what it has written: clients of NFS and SMB remember "not there"


class Line(Protocol):
    """What `LinkProcess` is to this."""

    def prove(self, number: int, host: str, asked: bytes) -> None:
        """Have a machine show what it sees of our folders.  Raises OSError."""

    def admit(self, host: str, grains: dict[str, int]) -> None:
        """It sees them, with times this fine; with none it may not work on them any more."""


@dataclass(slots=True)
class _Folders:
    """A pair that photos came by of."""

    files: deque[str] = field(default_factory=lambda: deque(maxlen=proof.FILES))
    mount: Mount | None = None  # what the outbox lies on


@dataclass(slots=True)
class _Host:
    shown: frozenset[Pair] = frozenset()
    asked: float = float("-inf")
    why: str = ""  # that was said
    failures: int = 0  # in a row
    missed: int = 0  # outputs in a row that were not there
    differs: int = 0  # photos in a row that it saw in another state than we


class Proofs:
    """All of them.  Thread-safe."""

    def __init__(
        self, submit: Callable[[Request], Future[Finished]], line: Line, shares: Shares,
        told: Callable[[str, dict[str, Any]], None], clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """``submit`` has an errand done by a lane of ours."""
        self._submit, self._line, self._shares = submit, line, shares
        self._told, self._clock = told, clock
        self._lock = threading.Lock()
        self._pairs: dict[Pair, _Folders] = {}
        self._hosts: dict[str, _Host] = {}
        self._answers: dict[int, queue.SimpleQueue[Shown]] = {}
        self._number = 0
        self._busy = False

    def note(self, job: Job) -> None:
        """A photo comes by."""
        pair = job.inbox, job.outbox
        if self._shares.spot(job.inbox) is None or self._shares.spot(job.outbox) is None:
            return
        with self._lock:
            folders = self._pairs.setdefault(pair, _Folders())
            folders.mount = job.outbox_mount
            if job.relpath not in folders.files:
                folders.files.append(job.relpath)

    def covers(self, job: Job) -> bool:
        """Whether each machine that works has shown this job's folders, and there is one."""
        pair = job.inbox, job.outbox
        with self._lock:
            working = [each.shown for each in self._hosts.values() if each.shown]
        return bool(working) and all(pair in each for each in working)

    def seen(self, message: Seen) -> None:
        """How a machine is now: it may have to show our folders (again)."""
        with self._lock:
            one = self._hosts.setdefault(message.seen, _Host())
            if not message.working:
                one.shown = frozenset()
            missing = set(self._pairs) - one.shown
            now = self._clock()
            rest = min(_AGAIN_S * 2.0 ** min(one.failures, 10), _LONGEST_S)
            due = message.state == UP and message.jobs > 0 and now - one.asked >= rest
            if not (due and missing) or self._busy:
                return
            one.asked, self._busy = now, True
        work = threading.Thread(target=self._prove, args=(message.seen, one), daemon=True)
        work.start()

    def whys(self) -> dict[str, str]:
        """Why machines have not shown them, by host."""
        with self._lock:
            return {host: each.why for host, each in self._hosts.items() if each.why != _SHOWN}

    def shown(self, message: Shown) -> None:
        """A machine has answered."""
        with self._lock:
            waiting = self._answers.get(message.shown)
        if waiting is not None:
            waiting.put(message)

    def doubt(self, host: str, why: str, *, lied: bool = False) -> None:
        """It could not do what it should have: it has to show them again."""
        with self._lock:
            one = self._hosts.setdefault(host, _Host())
            one.shown, one.differs, now = frozenset(), 0, self._clock()
            one.asked = now + (_REST_S if lied else 0.0)
        self._line.admit(host, {})
        self._say(host, one, why)

    def agree(self, host: str) -> None:
        """A photo was done by it, and its output is there."""
        with self._lock:
            one = self._hosts.setdefault(host, _Host())
            one.missed = one.differs = 0

    def miss(self, host: str, why: str) -> None:
        """The output of a photo is not there."""
        with self._lock:
            one = self._hosts.setdefault(host, _Host())
            one.missed += 1
        self.doubt(host, why, lied=one.missed >= _MISSED)

    def differ(self, host: str, why: str) -> None:
        """It says that a photo has changed or gone, and we do not see that."""
        with self._lock:
            one = self._hosts.setdefault(host, _Host())
            one.differs += 1
        if one.differs >= _DIFFERS:
            self.doubt(host, why)

    # --- its thread ------------------------------------------------------------------------

    def _prove(self, host: str, one: _Host) -> None:
        try:
            with self._lock:
                pairs = {
                    pair: (tuple(each.files), each.mount) for pair, each in self._pairs.items()
                }
            found = self._found(host, pairs)
            if isinstance(found, str):
                one.failures += 1
                self._line.admit(host, {})
                self._say(host, one, found)
                return
            with self._lock:
                one.shown, one.failures = frozenset(pairs), 0
            self._line.admit(host, dict(found))
            if one.why != _SHOWN:
                one.why = _SHOWN
                said = [f"{name} ({grain.said(each)})" for name, each in sorted(found.items())]
                self._told("machine.shown", {"host": host, "shares": said})
        finally:
            with self._lock:
                self._busy = False

    def _say(self, host: str, one: _Host, why: str) -> None:
        if one.why != why:
            one.why = why
            self._told("machine.unshown", {"host": host, "why": why})

    def _found(
        self, host: str, pairs: dict[Pair, tuple[tuple[str, ...], Mount | None]]
    ) -> dict[str, int] | str:
        """The grains, or what is wrong, in a sentence."""
        outboxes = {outbox: mount for (_, outbox), (_, mount) in pairs.items()}
        marks: dict[str, tuple[proof.Marker, proof.Out]] = {}
        try:
            for outbox, mount in outboxes.items():
                spot = self._shares.spot(outbox)
                assert spot is not None  # noqa: S101 - see `note`
                mine = proof.marker()
                marks[outbox] = mine, proof.Out(spot, mine.name, proof.marker())
                self._do(Mark(outbox, mine.name, mine.text, mount))
            inboxes, ours = self._inboxes(pairs)
            if not any(ours):
                return "none of the photos that came by is there any more to be compared"
            asked = proof.ask([out for _, out in marks.values()], inboxes)
            if len(asked) > _MOST_ASKED:
                return "the names of the photos that are to be compared are too long together"
            shown = self._answer(host, asked)
            if isinstance(shown, str):
                return shown
            theirs = proof.seen(shown.said.encode())
            if len(theirs.outboxes) != len(marks):
                return "it says what no worker says"
            for (outbox, (mine, out)), number in zip(marks.items(), theirs.outboxes, strict=True):
                share = out.spot.share
                if number is None or not mine.looks_like(number):
                    return f"share {share}: it does not see what is written here; is it mounted?"
                if not self._appears(outbox, out.answer):
                    return f"share {share}: what it writes is not seen here; what is mounted there?"
            judged = proof.judge(ours, inboxes, theirs)
            return judged if isinstance(judged, str) else dict(judged)
        except ErrandFailed as error:
            return f"{error.reason}"
        except proof.Broken as error:
            return str(error)
        except (OSError, TimeoutError, CancelledError):
            return "it, or a lane here, did not answer in time"
        finally:
            for outbox, (mine, out) in marks.items():
                for each in (mine, out.answer):
                    with contextlib.suppress(ErrandFailed, TimeoutError, CancelledError):
                        self._do(Mark(outbox, each.name, None, outboxes[outbox]))

    def _inboxes(
        self, pairs: dict[Pair, tuple[tuple[str, ...], Mount | None]]
    ) -> tuple[list[proof.In], list[list[int]]]:
        """The inboxes with the files that are there still, and what they look like from here."""
        found, ours = [], []
        for (inbox, _), (files, _) in pairs.items():
            there: dict[str, int] = {}
            for each in files:
                with contextlib.suppress(ErrandFailed):
                    there[each] = self._do(Sample(inbox, each))
            spot = self._shares.spot(inbox)
            assert spot is not None  # noqa: S101 - see `note`
            found.append(proof.In(spot, tuple(there)))
            ours.append(list(there.values()))
        return found, ours

    def _appears(self, outbox: str, marker: proof.Marker) -> bool:
        for number in range(_TRIES):
            if number:
                time.sleep(_PAUSE_S)
            with contextlib.suppress(ErrandFailed):
                if marker.looks_like(self._do(Sample(outbox, marker.name))):
                    return True
        return False

    def _answer(self, host: str, asked: bytes) -> Shown | str:
        waiting: queue.SimpleQueue[Shown] = queue.SimpleQueue()
        with self._lock:
            self._number += 1
            number = self._number
            self._answers[number] = waiting
        try:
            self._line.prove(number, host, asked)
            shown = waiting.get(timeout=_WITHIN_S)
        except queue.Empty:
            return "it did not answer in time"
        finally:
            with self._lock:
                del self._answers[number]
        return shown.failed or shown

    def _do(self, errand: Mark | Sample) -> int:
        answer = self._submit(errand).result(_WITHIN_S).answer
        return answer if isinstance(answer, int) else 0
