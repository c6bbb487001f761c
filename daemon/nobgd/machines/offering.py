"""What a worker offers besides masks: whole jobs, where it mounts the folders of a home.

Lanes are made for the folders that a home names, and jobs are pulled once it has let them in.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from nobgd.cluster import frames, grain, subjects
from nobgd.cluster.link import Link, Lost
from nobgd.cluster.paths import Shares
from nobgd.cluster.words import Cast, Prove, Shown, plain
from nobgd.machines import showing
from nobgd.machines.answering import Answering
from nobgd.machines.settings import Settings
from nobgd.machines.thinking import Models
from nobgd.machines.working import NONE_OFFERED, Jobs, Wish, Working, lacking, wish
from nobgd.pool import proof
from nobgd.pool.mishaps import Unfit

_PULL_S, _TURN_S = 5.0, 0.5  # as in `pulling`


class Offering:
    """The lanes, if there are any, and who pulls for them.  In the worker's loop."""

    def __init__(
        self, name: str, settings: Settings, at: Answering, link: Callable[[], Link | None],
        told: Callable[[str, str, dict[str, Any]], None],
    ) -> None:  # fmt: skip
        self._name, self._settings, self._at, self._link = name, settings, at, link
        self._told = told
        self._shares = Shares({name: str(path) for name, path in settings.shares.items()})
        self._jobs = Jobs(name, self._shares, at)
        self._working: Working | None = None
        self._wish: Wish | None = None
        self._seats = asyncio.Semaphore(1)
        self._pulls: dict[str, list[asyncio.Task[None]]] = {}
        self._lease_s = 30.0
        self._lacks = ""

    # --- what there is ---------------------------------------------------------------------

    @property
    def jobs(self) -> int:
        """Whole jobs at a time."""
        return 0 if self._working is None else self._working.lanes_count

    @property
    def done(self) -> int:
        """Jobs that were answered since the start."""
        return self._jobs.done

    @property
    def mounted(self) -> str:
        """The shares, what they lie on and how fine times are there; or what is wrong."""
        working = self._working
        if working is None or not working.grains:
            return self._lacks
        kinds = sorted({each.fstype for each in working.mounts.values()})
        grains = sorted({grain.said(each) for each in working.grains.values()})
        few = working.largest < working.wish.max_megapixels
        most = [f"photos of up to {working.largest:.0f} MP"] if few else []
        said = ", ".join([*kinds, *grains, *most])
        return plain(f"{', '.join(sorted(self._shares.names))} ({said})")

    @property
    def hindrance(self) -> str:
        """Why it does no whole photos in the shares that it has; "": it does, or it has none."""
        if not self._shares.names or self._working is not None:
            return ""
        return self._lacks or NONE_OFFERED

    # --- the lanes ---------------------------------------------------------------------------

    def wants_others(self, casts: list[Cast]) -> bool:
        """Whether a home wants other folders than the lanes are for."""
        return bool(casts) and self._wished(casts) != self._wish

    def _wished(self, casts: list[Cast]) -> Wish | None:
        return wish(casts, self._shares) if self._settings.shares else None

    async def make(self, models: Models, casts: list[Cast]) -> None:
        """Lanes for what is wanted now; those before have been closed."""
        self._wish = self._wished(casts)
        self._lacks = lacking(casts, self._shares) if self._settings.shares else ""
        if self._wish is None or models.inference is None:
            return
        working = Working(models, self._wish, str(self._settings.cache_dir))
        try:
            await asyncio.to_thread(working.open)
        except Unfit as error:
            self._lacks = plain(str(error))
            self._told("warning", "lane.unfit", {"lane": 0, "why": self._lacks})
            return
        self._working, self._seats = working, asyncio.Semaphore(working.lanes_count)

    async def close(self) -> None:
        """End the lanes, and with them the model process."""
        self.cancel_pulls()
        working, self._working, self._wish = self._working, None, None
        if working is not None:
            await asyncio.to_thread(working.close)

    async def prove(self, asked: Prove, data: bytes) -> None:
        """Home asks what is seen of its folders."""
        working, seen, why = self._working, b"", ""
        if working is None:
            why = self._lacks or "its lanes are not open; it is asked again"
        else:
            try:
                await asyncio.to_thread(working.identify)
                seen, why = await showing.show(working.lanes, self._shares, data)
            except proof.Broken:
                return
            except OSError as error:
                why = f"{error.filename}: {error.strerror}; is its share mounted there?"
        shown = Shown(id=asked.id, failed=plain(why) or None)
        await self._at.deliver(subjects.answer(asked.home, self._name), frames.pack(shown, seen))

    # --- jobs ----------------------------------------------------------------------------------

    def pull_for(self, casts: list[Cast], models: Models | None) -> None:
        """Pull while a home that has let us in speaks; called whenever it has spoken."""
        working = self._working
        cast = next((each for each in casts if each.grains), None)
        if working is None or cast is None or models is None:
            self.cancel_pulls()
            if working is not None:
                working.grains = {}
            return
        working.grains, self._lease_s = dict(cast.grains), cast.job_lease_s
        there = set(models.ready) & set(cast.admitted)
        ready = {subjects.job_recipe(*each) for each in cast.jobs if there.issuperset(each)}
        for recipe in ready - set(self._pulls):
            self._pulls[recipe] = [
                asyncio.create_task(self._pull(recipe, working)) for _ in range(working.lanes_count)
            ]
        for recipe in set(self._pulls) - ready:
            for each in self._pulls.pop(recipe):
                each.cancel()

    def cancel_pulls(self) -> None:
        """Take nothing more."""
        for tasks in self._pulls.values():
            for each in tasks:
                each.cancel()
        self._pulls.clear()

    async def _pull(self, recipe: str, working: Working) -> None:
        """One lane's worth: a job after the other, until it is cancelled; see `Pulling`."""
        me, seats = asyncio.current_task(), self._seats
        assert me is not None  # noqa: S101 - it is one
        while (link := self._link()) is not None and not me.cancelling():
            async with seats:
                wait_s = _PULL_S if len(self._pulls) < 2 else _TURN_S
                try:
                    pulled = await link.pull(
                        subjects.next_job(recipe), self._settings.priority, wait_s
                    )
                except Lost:
                    return
                if pulled is None:
                    continue
                work = self._jobs.work(link, working, self._lease_s, pulled)
                with contextlib.suppress(Lost):
                    await asyncio.shield(self._at.begin(work))
