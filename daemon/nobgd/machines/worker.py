"""A machine that works for another: it pulls questions, renews their leases, answers.

It sees no photo, only the 320 by 320 pixels that a model is shown; it mounts nothing, listens on
nothing and dials the broker alone.  What home wants it hears from home (`words.Cast`); it begins
when home has compared its mask of the test picture.  If the connection breaks, what is at work is
finished, and the answer is offered again when there is another connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

from nobgd import __version__
from nobgd.cluster import frames, subjects
from nobgd.cluster.join import Join
from nobgd.cluster.link import Heard, Link, Lost, open_link
from nobgd.cluster.words import LARGEST, MOST_PROOF, Cast, Hello, Order, Prove, Question, Wanted
from nobgd.machines.answering import Answering
from nobgd.machines.homes import Homes
from nobgd.machines.offering import Offering
from nobgd.machines.pulling import Pulling
from nobgd.machines.settings import Settings
from nobgd.machines.thinking import Models
from nobgd.systemd import notify

_BEAT_S = 2.0
_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0)  # between two tries to reach the broker

Told = Callable[[str, str, dict[str, Any]], None]  # level, event, fields
Dial = Callable[[Join, str], Coroutine[Any, Any, Link]]
Make = Callable[[Settings, list[Wanted]], Models]


class Worker:
    """Everything runs in one asyncio loop, whose clock is the only one; masks in threads."""

    def __init__(
        self, settings: Settings, join: Join, told: Told, dial: Dial = open_link,
        make: Make = Models, *, checking: bool = False,
    ) -> None:  # fmt: skip
        """``dial`` opens a connection, ``make`` finds the models that a home wants.

        With ``checking`` it takes no work: it only sees whether it is let in.
        """
        self._settings, self._join, self._told = settings, join, told
        self._dial, self._make = dial, make
        self._run, self._checking = secrets.token_hex(8), checking
        self._models: Models | None = None
        self._homes = Homes()
        self._news = asyncio.Event()  # a home has spoken
        self._link: Link | None = None
        self._at = Answering(
            join.name, lambda: self._models, lambda: self._link, self._homes.lease_s,
            lambda run: self._homes.is_gone(run, _now()),
        )  # fmt: skip
        self._pulling = Pulling(self._at, lambda: self._link, settings.priority, told)
        self._offering = Offering(join.name, settings, self._at, lambda: self._link, told)
        self._ordered_to_drain = False
        self._stopping = asyncio.Event()
        self.admitted = asyncio.Event()  # for some recipe, by some home
        self.lacking = asyncio.Event()  # all that some home wants
        self.unreachable = asyncio.Event()  # the broker, at some time
        self._unreached = ""  # why

    # --- life ------------------------------------------------------------------------------

    def stop(self) -> None:
        """Take nothing more, finish what is at hand, end."""
        self._stopping.set()
        self._news.set()

    async def run(self, *, drain: bool = True) -> None:
        """Until stopped; with ``drain`` what is at hand is finished.  Raises `Refused`.

        An error of ours is raised, too: whoever started this starts it again.
        """
        serving = asyncio.create_task(self._keep_open())
        managing = asyncio.create_task(self._manage())
        stopping = asyncio.create_task(self._stopping.wait())
        every: list[asyncio.Task[Any]] = [serving, managing, stopping]
        try:
            await asyncio.wait(every, return_when=asyncio.FIRST_COMPLETED)
            for each in (serving, managing):
                if each.done():
                    each.result()
            notify.stopping()
            self._cancel_pulls()
            while drain and self._at.working:
                await asyncio.wait(set(self._at.working))
            if self._link is not None:
                with contextlib.suppress(Lost):
                    await self._greet(self._link)  # home knows that it has ended, and did not die
        finally:
            for each in every:
                each.cancel()
            for one in list(self._at.working):
                one.cancel()
            await self._offering.close()
            if self._models is not None:
                self._models.close()
            if self._link is not None:
                await self._link.close()

    async def _keep_open(self) -> None:
        tries = 0
        while True:
            try:
                link = await self._dial(self._join, self._join.name)
            except Lost as error:
                self._unreached = str(error)
                self.unreachable.set()
                if tries == 0:
                    self._told("warning", "broker.lost", {"why": str(error)})
                notify.watchdog()  # waiting for the broker is no hang
                notify.status(str(error))
                await asyncio.sleep(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)])
                tries += 1
                continue
            self._told("info", "broker.back", {"url": self._join.url})
            tries = 0
            why = await self._serve(link)
            self._link = None
            self._cancel_pulls()
            await link.close()
            self._told("warning", "broker.lost", {"why": why})
            await asyncio.sleep(_PAUSES_S[0])

    async def _serve(self, link: Link) -> str:
        try:
            await link.listen(subjects.cast(self._join.name), self._heard)
        except Lost as error:
            return str(error)
        self._link = link
        self._homes.listen(_now())
        self._news.set()
        notify.ready()
        self._at.begin(self._at.deliver_kept())
        why = None
        while why is None:
            with contextlib.suppress(Lost):
                await self._greet(link)
            notify.watchdog()
            notify.status(self._line())
            why = await link.ended_within(_BEAT_S)
        return why

    async def _greet(self, link: Link) -> None:
        models = self._models
        hello = Hello(
            protocol=subjects.PROTOCOL, run=self._run, version=__version__,
            seats=0 if models is None else models.seats, priority=self._settings.priority,
            engine="" if models is None else models.engine, busy=len(self._at.working),
            answered=self._at.answered, ready=[] if models is None else models.ready,
            lacks={} if models is None else models.lacks, draining=self._draining,
            checking=self._checking,
            jobs=self._offering.jobs, mounted=self._offering.mounted,
        )  # fmt: skip
        await link.publish(subjects.hello(self._join.name), frames.pack(hello))

    @property
    def _draining(self) -> bool:
        return self._ordered_to_drain or self._stopping.is_set()

    def _line(self) -> str:
        """For systemd's status."""
        jobs = f" · {self._offering.done} jobs done" if self._settings.shares else ""
        where = "draining" if self._draining else self._homes.refusal() or "at work"
        if not self._homes.speaking(_now()):
            where = "no home speaks"
        at_work = len(self._at.working)
        return f"{where} · {at_work} masks at work · {self._at.answered} answered{jobs}"

    def hindrance(self) -> str:
        """Why it has not been let in, in a sentence."""
        if self._link is None:
            return self._unreached
        if not self._homes.sweep(_now()):
            return "the broker lets this machine in, but no home speaks; does nobgd run there?"
        lacks = "; ".join({} if self._models is None else self._models.lacks.values())
        unknown = "home does not take its mask of the test picture; `nobgd status` there says"
        return lacks or self._homes.refusal() or unknown

    @property
    def shares_hindrance(self) -> str:
        """Why it does no whole photos in its shares, in a sentence; "": it does, or has none."""
        return self._offering.hindrance

    # --- what home says --------------------------------------------------------------------

    async def _heard(self, heard: Heard) -> None:
        try:
            if frames.is_kind(Question, heard.data):
                asked, shown = frames.unpack(Question, heard.data, LARGEST)
                if asked.proof:
                    self._at.begin(self._at.prove(asked, shown))
            elif frames.is_kind(Prove, heard.data):
                wanted, data = frames.unpack(Prove, heard.data, MOST_PROOF)
                self._at.begin(self._offering.prove(wanted, data))
            elif frames.is_kind(Order, heard.data):
                self._ordered_to_drain = frames.unpack(Order, heard.data)[0].drain
                self._news.set()
            else:
                cast, _ = frames.unpack(Cast, heard.data)
                self._homes.hear(cast, _now())
                self._news.set()
        except frames.Broken:
            return

    async def _manage(self) -> None:
        """Have the models that are wanted, and pull for those that were let in."""
        while True:
            casts = self._homes.sweep(_now())
            wanted = {each.recipe: each for cast in casts for each in cast.wanted}
            have = [] if self._models is None else self._models.wanted
            others = set(wanted) != {each.recipe for each in have}
            if wanted and (others or self._offering.wants_others(casts)):
                self._cancel_pulls()
                while self._at.working:
                    await asyncio.wait(set(self._at.working))
                await self._offering.close()
                if self._models is not None:
                    self._models.close()
                self._models = await asyncio.to_thread(
                    self._make, self._settings, list(wanted.values())
                )
                self._pulling.seat(self._models.seats)
                for why in self._models.lacks.values():
                    self._told("warning", "model.lacking", {"why": why})
                if self._models.lacks and not self._models.ready:
                    self.lacking.set()
                await self._offering.make(self._models, casts)
                if self._link is not None:
                    with contextlib.suppress(Lost):
                        await self._greet(self._link)
            self._offer(casts)
            self._pull_for({each for cast in casts for each in cast.admitted})
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _BEAT_S)

    def _offer(self, casts: list[Cast]) -> None:
        """Pull jobs for homes that have let us in."""
        if self._draining or self._checking or self._link is None:
            self._offering.cancel_pulls()
        else:
            self._offering.pull_for(casts, self._models)

    def _pull_for(self, admitted: set[str]) -> None:
        models = self._models
        ready = set() if models is None else admitted & set(models.ready)
        if self._draining or self._link is None:
            self._cancel_pulls()
            return
        if ready:
            self.admitted.set()
        if not self._checking:
            self._pulling.pull_for(ready)

    def _cancel_pulls(self) -> None:
        self._offering.cancel_pulls()
        self._pulling.cancel()


def _now() -> float:
    return asyncio.get_running_loop().time()
