"""Home's whole jobs: each kept at the broker until it is answered, or nobody waits for it any more.

And what machines show of the folders that they share with home.  Nothing of a job is read here; the
supervisor made it, and judges what is said of it.  As with questions its identity is random.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from nobgd.cluster import frames, streams, subjects
from nobgd.cluster.link import Link, Lost, Unheard
from nobgd.cluster.words import MOST_OUTCOME, MOST_PROOF, Job, Outcome, Prove, Shown
from nobgd.machines.questions import Say
from nobgd.values import wire

_SHOWING = 64  # that are remembered
Do = Callable[[Coroutine[Any, Any, None]], None]
Publish = Callable[[str, bytes], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class _Sent:
    """A job that is out."""

    number: int  # the supervisor's
    identity: int
    stored: int | None = None  # the broker's number, while it keeps it


class Sharing:
    """Everything runs in one asyncio loop."""

    def __init__(self, setup: wire.Link, run: str, say: Say, do: Do, publish: Publish) -> None:
        """``say`` tells the supervisor, ``publish`` the others; ``do`` begins what takes time."""
        self._recipes = [subjects.recipe8(each) for each in setup.weights]
        self._kinds = setup.jobs
        self._run, self._say, self._do, self._publish = run, say, do, publish
        self._sent: dict[int, _Sent] = {}  # by number
        self._by_identity: dict[int, _Sent] = {}
        self._showing: dict[int, tuple[int, str]] = {}  # identity: the supervisor's number, host
        self._link: Link | None = None
        self._began = False

    async def prepare(self, link: Link, lease_s: float) -> None:
        """Have the stream and its consumers.  Raises `Lost`, `Unheard`.

        What an earlier run of home has left there goes: nobody waits for it.
        """
        consumers = [streams.jobs(self._recipe(each), lease_s) for each in self._kinds]
        await link.prepare(streams.work(), consumers)
        if not self._began:
            await link.purge(subjects.WORK)
        self._began, self._link = True, link
        for each in self._sent.values():
            each.stored = None  # numbers of the broker may mean something else now

    def lost(self) -> None:
        """There is no connection."""
        self._link = None

    # --- down from the supervisor --------------------------------------------------------------

    def hear(self, said: dict[str, Any]) -> None:
        """What it says of jobs."""
        if "job" in said:
            number, recipe = int(said["job"]), self._recipe(said["models"])
            sent = _Sent(number, secrets.randbits(52))
            self._sent[number] = self._by_identity[sent.identity] = sent
            subject = subjects.job(recipe, str(said["photo"]))
            words = Job(id=sent.identity, home=self._run)
            data = frames.pack(words, str(said["sent"]).encode())
            self._do(self._store(sent, subject, data))
        elif "recall" in said:
            if (found := self._sent.get(int(said["recall"]))) is not None:
                self._forget(found)
                self._do(self._withdraw(found))
        elif "prove" in said:
            identity = secrets.randbits(52)
            self._showing[identity] = int(said["prove"]), str(said["host"])
            while len(self._showing) > _SHOWING:
                del self._showing[next(iter(self._showing))]
            asked = frames.pack(Prove(id=identity, home=self._run), str(said["asked"]).encode())
            self._do(self._publish(subjects.cast(str(said["host"])), asked))

    def _recipe(self, models: Sequence[int]) -> str:
        return subjects.job_recipe(*(self._recipes[each] for each in models))

    async def _store(self, sent: _Sent, subject: str, data: bytes) -> None:
        try:
            if self._link is not None:
                sent.stored = await self._link.store(subject, data)
        except (Lost, Unheard):
            sent.stored = None
        if sent.number not in self._sent:  # it was recalled, or answered, meanwhile
            await self._withdraw(sent)
        elif sent.stored is None:
            self._forget(sent)
            self._say({"returned": sent.number}, None)

    async def _withdraw(self, sent: _Sent) -> None:
        if sent.stored is not None and self._link is not None:
            with contextlib.suppress(Lost):
                await self._link.withdraw(subjects.WORK, sent.stored)

    def _forget(self, sent: _Sent) -> None:
        self._sent.pop(sent.number, None)
        self._by_identity.pop(sent.identity, None)

    # --- from other machines -------------------------------------------------------------------

    @staticmethod
    def is_of_a_job(data: bytes) -> bool:
        """Whether a message is for this."""
        return frames.is_kind(Outcome, data) or frames.is_kind(Shown, data)

    def answered(self, host: str, data: bytes) -> bool:
        """What a machine says of a job, or of our folders; False where no worker says so."""
        try:
            if frames.is_kind(Shown, data):
                self._shown(host, *frames.unpack(Shown, data, MOST_PROOF))
            else:
                self._outcome(host, *frames.unpack(Outcome, data, MOST_OUTCOME))
        except frames.Broken:
            return False
        return True

    def _shown(self, host: str, words: Shown, seen: bytes) -> None:
        number, asked = self._showing.get(words.id, (-1, ""))
        if asked == host:
            said = {"shown": number, "said": _text(seen), "failed": words.failed or ""}
            del self._showing[words.id]
            self._say(said, None)

    def _outcome(self, host: str, words: Outcome, what: bytes) -> None:
        sent = self._by_identity.get(words.id)
        if sent is None:
            return  # late, or the second of two
        if words.began:
            self._say({"away": sent.number, "host": host}, None)
            return
        why = "" if words.beyond else words.failed  # then nothing speaks against the machine
        said: dict[str, Any] = {"returned": sent.number, "host": host if why else "", "why": why}
        if words.failed is None:
            said = {
                "ended": sent.number, "host": host, "lane": words.lane,
                "waited_s": words.waited_s, "said": _text(what), "closer": words.closer,
            }  # fmt: skip
        self._forget(sent)
        self._do(self._withdraw(sent))
        self._say(said, None)


def _text(data: bytes) -> str:
    """JSON is ASCII here; anything else is none of ours."""
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise frames.Broken("no ASCII") from None
