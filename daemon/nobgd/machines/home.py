"""The link process: the supervisor's questions out, masks of other machines back.

`nobgd.machines.process` runs it.  It has a network and nothing else.  What comes over it is checked
here (`cluster.words`) before the supervisor hears of it: an answer has to come from a machine that
was let in, under an identity that it cannot guess, with exactly as many bytes as the mask has.  The
first answer counts.  See `pool.link_process`.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Coroutine
from typing import Any

from nobgd.cluster import frames, join, streams, subjects
from nobgd.cluster.link import Heard, Link, Lost, Refused, Unheard
from nobgd.cluster.words import Answer, Hello
from nobgd.machines import casting
from nobgd.machines.dialling import Dial, dial
from nobgd.machines.known import Known, Machines
from nobgd.machines.proving import Proving
from nobgd.machines.questions import Questions, Say, hand_over, withdraw
from nobgd.machines.sharing import Sharing
from nobgd.values import wire

_BEAT_S = 2.0
_THINK_LEASE_S = 5.0  # a machine renews it every third of that
_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0)  # between two tries to reach the broker
_REFUSED_S = 15.0
_TEXT = 400
_MOST_FAILURES = 5  # in a row


class Home:
    """All but its line; everything runs in one asyncio loop, whose clock is the only one."""

    def __init__(self, setup: wire.Link, say: Say, dial: Dial = dial) -> None:
        """``say`` tells the supervisor, ``dial`` opens a connection by the setup's join file."""
        self._setup, self._say, self._dial = setup, say, dial
        self._run = secrets.token_hex(8)
        self._recipes = [subjects.recipe8(each) for each in setup.weights]
        self._most = max(each.mask_bytes for each in setup.weights)
        self._lease_s = min(_THINK_LEASE_S, setup.lease_s)
        self._questions = Questions(setup.weights, self._run, say)
        self._machines = Machines()
        self._sharing = Sharing(setup, self._run, say, self._do, self._publish)
        # nobody waits for longer: see `pool.away` and `pool.jobs_away`
        self._longest_s = 2 * setup.deadline_s + setup.lease_s
        self._proving = Proving(setup.weights, self._run, say, self._publish)
        self._link: Link | None = None
        self._told_away = False
        self._tasks: set[asyncio.Task[None]] = set()

    # --- up to the supervisor ----------------------------------------------------------------

    def _tell(self, event: str, **fields: str | float) -> None:
        self._say({"tell": event, "fields": fields}, None)

    def _show(self, one: Known) -> None:
        hello = one.hello
        models = [n for n, each in enumerate(self._recipes) if each in one.admitted]
        self._say({
            "seen": one.host, "state": one.state, "why": one.why[:_TEXT], "seats": hello.seats,
            "priority": hello.priority, "busy": hello.busy, "answered": one.answered,
            "engine": hello.engine, "models": models, "jobs": one.jobs,
            "mounted": one.mounted, "working": bool(one.grains) and one.jobs > 0,
        }, None)  # fmt: skip

    # --- down from the supervisor --------------------------------------------------------------

    def hear(self, said: dict[str, Any], memory: int) -> None:
        """What it says; with a question comes the memory in which its picture lies."""
        if "infer" in said:
            number, which = int(said["infer"]), int(said["model"])
            self._do(self._questions.ask(self._link, number, which, memory))
        elif "drop" in said:
            self._drop(int(said["drop"]), overdue=bool(said["overdue"]))
        elif "thought" in said:
            self._proving.thought(int(said["thought"]), made=bool(said["made"]))
        elif "admit" in said:
            self._admit(str(said["admit"]), said["grains"])
        else:
            self._sharing.hear(said)

    def _admit(self, host: str, grains: dict[str, int]) -> None:
        """A machine sees our folders, with times so fine; or it does not, or not any more."""
        if (one := self._machines.known.get(host)) is not None and one.grains != grains:
            one.grains = grains
            self._show(one)
            self._do(self._cast(one))

    def _drop(self, number: int, *, overdue: bool) -> None:
        asked = self._questions.forget(number)
        if asked is None:
            return
        if overdue and (one := self._machines.known.get(asked.host)) is not None:
            self._failed(one, "it does not answer what it has begun")
        self._do(withdraw(self._link, asked))

    # --- from other machines -------------------------------------------------------------------

    async def _answered(self, heard: Heard) -> None:
        host = heard.subject.rpartition(".")[2]
        if heard.reply:
            await self._publish(heard.reply, b"")  # whatever it is: it has arrived
        one = self._machines.known.get(host)
        if self._sharing.is_of_a_job(heard.data):
            if one is not None and not one.refused and not self._sharing.answered(host, heard.data):
                self._lied(one, "it answered what no worker answers")
            return
        try:
            answer, mask = frames.unpack(Answer, heard.data, self._most)
        except frames.Broken:
            if one is not None:
                self._lied(one, "it answered what no worker answers")
            return
        if one is None:
            return
        if self._proving.awaits(answer.id, host):
            if answer.failed is None:
                self._do(self._proved(one, answer, mask))
            elif self._machines.failed(one, self._proving.failed(answer.id), answer.failed, _now()):
                self._tell("machine.refused", host=host, why=one.why[:_TEXT])
                self._show(one)
            return
        asked = self._questions.named(answer.id)
        if asked is None or answer.recipe not in one.admitted or answer.recipe != asked.recipe:
            return  # late, or the second of two
        if answer.began:
            asked.host = host
            self._say({"sign": asked.number, "host": host}, None)
            return
        self._questions.forget(asked.number)
        if answer.failed is None and len(mask) == asked.mask_bytes:
            one.answered, one.failures = one.answered + 1, 0
            hand_over(self._say, asked, host, answer, mask)
            return
        self._say({"back": asked.number}, None)
        if answer.failed is not None:
            self._failed(one, answer.failed)
        else:
            self._lied(one, "it answered with a mask of another size")

    def _failed(self, one: Known, why: str) -> None:
        """It did not do what it began: done here, and after some in a row it is asked no more."""
        one.failures += 1
        if one.failures >= _MOST_FAILURES and not one.refused:
            self._refuse(one, f"{one.failures} times in a row: {why}; start its worker again")

    def _lied(self, one: Known, what: str) -> None:
        if not one.refused:
            self._refuse(one, f"{what}; install the same nobgd there and start its worker again")

    def _refuse(self, one: Known, why: str) -> None:
        self._machines.refuse(one, why)
        self._tell("machine.refused", host=one.host, why=one.why[:_TEXT])
        self._show(one)

    async def _greeted(self, heard: Heard) -> None:
        host = heard.subject.rpartition(".")[2]
        try:
            hello, _ = frames.unpack(Hello, heard.data)
        except frames.Broken:
            return
        if not join.is_name(host):
            return
        now = _now()
        one, news = self._machines.hello(host, hello, now)
        if news == "refused":
            self._tell("machine.refused", host=host, why=one.why[:_TEXT])
        elif news:
            self._tell(f"machine.{news}", host=host)
        if news:
            await self._cast(one)
        for recipe in self._machines.to_prove(one, set(self._recipes), now):
            self._do(self._proving.begin(host, recipe))
        self._show(one)

    async def _proved(self, one: Known, answer: Answer, mask: bytes) -> None:
        verdict = await self._proving.judged(answer, mask)
        if verdict is not None and self._machines.proved(one.host, *verdict):
            if one.refused:
                self._tell("machine.refused", host=one.host, why=one.why[:_TEXT])
            self._show(one)
            await self._cast(one)

    async def _cast(self, one: Known) -> None:
        said = casting.said(self._setup, self._run, one, self._lease_s)
        await self._publish(subjects.cast(one.host), frames.pack(said))

    async def _publish(self, subject: str, data: bytes) -> None:
        """Say it if there is a broker; who misses it hears it again."""
        if self._link is not None:
            with contextlib.suppress(Lost):
                await self._link.publish(subject, data)

    # --- life ----------------------------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def serve(self) -> None:
        """For ever: the broker is reached again whenever it was lost."""
        tries = 0
        while True:
            try:
                link, url = await self._dial(self._setup.join)
            except (Refused, join.JoinError) as error:
                self._away(str(error))
                await asyncio.sleep(_REFUSED_S)
                continue
            except Lost as error:
                self._away(str(error))
                await asyncio.sleep(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)])
                tries += 1
                continue
            tries = 0
            why = await self._serve(link)
            self._link = None
            self._sharing.lost()
            await link.close()
            self._away(f"{url}: {why}")
            await asyncio.sleep(_PAUSES_S[0])

    def _away(self, why: str) -> None:
        self._say({"broker": why[:_TEXT]}, None)
        if not self._told_away:
            self._told_away = True
            self._tell("broker.lost", why=f"masks are made here until it is back: {why[:_TEXT]}")

    async def _serve(self, link: Link) -> str:
        """While the connection lasts; why it ended."""
        link.keep_s = self._longest_s
        try:
            consumers = [streams.questions(each, self._lease_s) for each in self._recipes]
            await link.prepare(streams.think(), consumers)
            if self._setup.offered:
                await self._sharing.prepare(link, self._setup.lease_s)
            await link.listen(subjects.answers(self._run), self._answered)
            await link.listen(subjects.HELLOS, self._greeted)
        except (Lost, Unheard) as error:
            return str(error)
        self._link = link
        self._questions.begin_anew()
        self._say({"broker": ""}, None)
        if self._told_away:
            self._told_away = False
            self._tell("broker.back")
        for one in self._machines.known.values():
            one.heard = _now()  # it could not speak meanwhile
        why = None
        while why is None:
            for one in self._machines.sweep(_now()):
                ended = one.hello.draining and not one.hello.busy
                why_lost = "it had finished and ended" if ended else "it says nothing any more"
                self._tell("machine.lost", host=one.host, why=why_lost)
                self._show(one)
            for one in list(self._machines.known.values()):
                if not one.lost:
                    await self._cast(one)
            why = await link.ended_within(_BEAT_S)
        return why


def _now() -> float:
    return asyncio.get_running_loop().time()
