"""Scan one inbox: what is there is the truth, and all else only says when to look.

`Scanner.step` does what is due and returns when something will be due next; it is called on
one thread, blocks when the share does, and reads no clock but the one it is given.  Names
are listed without a stat; a stat is for names that are new, not settled, or heard of, and
for a slice of all others in each pass, so that an overwrite whose event was lost is found.

What goes wrong: a root that cannot be read, or that lies on another mount than before, is
told as `Lost` once, nothing in it is believed, and it is tried every `poll_s` until `Back`;
a folder that cannot be read is told as `Odd` and skipped; a listing that breaks off is
thrown away whole, so nothing is taken for gone that only could not be seen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from nobgd.intake.ignore import Ignore
from nobgd.intake.messages import Back, Lost, Message, Overflow, Scanned
from nobgd.intake.regions import Ground, LostError
from nobgd.intake.settle import Settler
from nobgd.intake.tree import Folder, Region, Tree
from nobgd.intake.visit import BATCH, Look
from nobgd.values import Sighting
from nobgd.values.mount import Mount

_ROTA = 2000  # settled files looked at in one pass, at least; 1/20 of all if that is more
_ROTA_S = 0.05  # the time for that, at most; on a share a tenth of poll_s if that is more
_IDLE = 60  # polls without news, after which the interval begins to stretch
_STRETCH = 3.0  # how many times poll_s an idle inbox may wait
_OVERFLOW_S = 60.0  # overflows that follow one another within that are one, and told once
_SLOW = 20  # how many times as long as a poll took the next one waits, at least


class Scanner:
    """The state of one inbox.  Only accessed from its scanner thread."""

    def __init__(
        self,
        root: str,
        *,
        recursive: bool,
        ignore: Ignore,
        mode: str,
        settle_s: float,
        rescan_s: float,
        poll_s: float,
        post: Callable[[Message], None],
        clock: Callable[[], float],
        wake: Callable[[], None] = lambda: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._root = root
        self._rescan_s = rescan_s
        self._poll_s = poll_s
        self._post = post
        self._clock = clock
        self._stopping = stopping
        self.settler = Settler(settle_s)
        self.tree = Tree()
        self.ground = Ground(root, self.tree, mode=mode, poll_s=poll_s, post=post, wake=wake)
        self.look = Look(
            root,
            self.tree,
            self.ground,
            self.settler,
            recursive=recursive,
            ignore=ignore,
            post=post,
            clock=clock,
            stopping=stopping,
        )
        self.state = "starting"  # starting | watching | missing | lost
        self.why = ""
        self.files = 0  # known at the end of the last pass
        self.scanned_at: float | None = None
        self.took_s = 0.0
        self.retry_at = clock()
        self._mount: Mount | None = None
        self._overflow_told = float("-inf")
        self._said: tuple[int, int] | None = None  # files, and how many of them settle

    def step(self, again: Iterable[str] = (), everything: bool = False) -> float:
        """Do what is due; return the time of `clock` at which to come again.

        `again` are photos to be settled and told anew; `everything` makes all passes due.
        """
        if self.state in ("missing", "lost") and self._clock() < self.retry_at and not everything:
            return self.retry_at
        try:
            root = self.ground.enter()
            try:
                if self.ground.mount is not self._mount or not self.ground.regions:
                    self._arrive()
                everything = self._hear(root) or everything
                self._again(root, again)
                self._pass_due(root, everything)
                self._look_at_due(root)
            finally:
                os.close(root)
        except LostError as error:
            self.lose(str(error))
        if self.state != "watching":
            return self.retry_at
        times = [region.due for region in self.ground.regions.values()]
        look = self.settler.next_look()
        return min([*times, look] if look is not None else times, default=self._clock())

    def lose(self, why: str) -> None:
        """Believe nothing of this inbox until it is back; what was known is kept."""
        self.ground.leave()
        self.settler.clear()
        self.retry_at = self._clock() + self._poll_s
        self.why = why
        if self.state not in ("missing", "lost"):
            self.state = "missing" if self._mount is None else "lost"
            self._post(Lost(self._root, why))

    def _arrive(self) -> None:
        """Begin, or begin anew: every mount is identified and every file looked at again."""
        mount = self.ground.mount
        if mount is None:
            return
        if self.state == "watching":
            self.lose(
                f"{mount.source} ({mount.fstype}) was mounted here anew, or the folder replaced"
            )
        if self.state in ("missing", "lost"):
            self._post(Back(self._root, mount))
        self._mount, self.state, self.why = mount, "watching", ""
        for folder in self.tree.folders.values():
            self.look.doubt(folder)

    def _pass_due(self, root: int, everything: bool) -> None:
        if not self.ground.regions:
            self._pass(root, None)  # the first one finds the regions on its way
        for region in list(self.ground.regions.values()):
            if (everything or region.due <= self._clock()) and not self._stopping():
                self._pass(root, region, everything)

    def _pass(self, root: int, region: Region | None, everything: bool = False) -> None:
        """Compare the names in a region's folders with those known; then look at its rota."""
        started = self._clock()
        self.look.news = False
        folders = list(self.tree.folders.values())
        self.look.walk(root, folders if region is None else self.tree.within(region))
        if region is not None:
            self._look_at_rota(root, region, everything)
        if self._stopping():
            return
        self.look.first = False
        now = self._clock()
        self.files, self.scanned_at, self.took_s = self.tree.count(), now, now - started
        for one in self.ground.regions.values() if region is None else (region,):
            one.idle = 0 if self.look.news else one.idle + 1
            one.usual_s, one.took_s = min(one.took_s, self.took_s), self.took_s
            one.due = now + self._interval(one)
        self._tell(again=everything)

    def _tell(self, *, again: bool = False) -> None:
        """Say what a pass has seen, unless it is what was said: hundreds of inboxes are polled."""
        said = self.tree.count(), len(self.settler)
        if again or said != self._said:
            self._said = said
            self._post(Scanned(self._root, *said, self.took_s))

    def _interval(self, region: Region) -> float:
        """Rescan what inotify watches; poll less often where it is quiet or slow.

        Slow is what was slow twice: one long pass is a share that hung, and is back.
        """
        if region.strategy == "inotify":
            return self._rescan_s
        stretch = min(_STRETCH, 1.1 ** max(0, min(region.idle, 1000) - _IDLE))
        return max(self._poll_s * stretch, _SLOW * region.usual_s)

    def _hear(self, root: int) -> bool:
        """Look at what inotify named; True when everything has to be looked at."""
        heard, everything = self.ground.heard()
        if self.ground.overflowed:
            if self._clock() >= self._overflow_told + _OVERFLOW_S:
                self._post(Overflow(self._root))
            self._overflow_told = self._clock()
        written = [
            (folder, name, known)
            for folder, names in self.ground.written
            for name in names
            if (known := folder.files.get(name)) is not None
        ]
        self.look.at(root, heard)
        now = self._clock()
        for folder, name, known in written:
            if folder.files.get(name) is known:  # as it was, yet somebody wrote it
                seen = Sighting(self._root, folder.path(name), *known[:4], heard=True)
                folder.files[name] = None
                self.settler.again(seen, now, now)
        return everything

    def _look_at_due(self, root: int) -> None:
        """Look again at the files that may have settled by now."""
        due = self.settler.due(self._clock())
        self.look.at(root, self._by_folder(due).values())
        if due and not self.settler:
            self._tell()

    def _look_at_rota(self, root: int, region: Region, everything: bool) -> None:
        """Look at the files whose turn it is, so that no change stays unseen for good."""
        left = max(_ROTA, self.files // 20)
        share = _ROTA_S if region.strategy == "inotify" else max(_ROTA_S, self._poll_s / 10)
        until = self._clock() + share
        if everything or region.rota is None:
            region.rota = self.tree.rota(region, BATCH)
        while everything or (left > 0 and self._clock() < until):
            turn = next(region.rota, None)
            if turn is None or self._stopping():
                region.rota = None
                return
            folder, names = turn
            self.look.at(root, [(folder, [one for one in names if folder.files.get(one)])])
            left -= len(names)

    def _again(self, root: int, relpaths: Iterable[str]) -> None:
        """Settle and tell photos anew; their quiet time goes on while they do not change."""
        wanted = self._by_folder(relpaths)
        self.look.at(root, wanted.values())
        now = self._clock()
        for folder, names in wanted.values():
            for name in names:
                if (known := folder.files.get(name)) is not None:
                    seen = Sighting(self._root, folder.path(name), *known[:4])
                    folder.files[name] = None
                    self.settler.again(seen, known[4], now)

    def _by_folder(self, relpaths: Iterable[str]) -> dict[str, tuple[Folder, list[str]]]:
        found: dict[str, tuple[Folder, list[str]]] = {}
        for relpath in relpaths:
            folder, name = self.tree.find(relpath)
            if folder is None:
                self.settler.forget(relpath)
            else:
                found.setdefault(folder.relpath, (folder, []))[1].append(name)
        return found
