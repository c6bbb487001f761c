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

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from nobgd.beneath import open_beneath
from nobgd.intake.ground import Ground, LostError
from nobgd.intake.ignore import Ignore
from nobgd.intake.messages import Back, Gone, Lost, Message, Odd, Scanned, Settled
from nobgd.intake.mounts import Mount
from nobgd.intake.settle import Settler
from nobgd.intake.tree import Folder, Region, Tree
from nobgd.oserrors import failure
from nobgd.values import Photo, Sighting

_BATCH = 256  # files looked at between two readings of the clock
_MESSAGE = 1000  # photos or names in one message
_BATCH_S = 0.02
_ROTA = 2000  # settled files looked at in one pass, at least; 1/20 of all if that is more
_ROTA_S = 0.05  # the time for that, at most; on a share a tenth of the interval
_STRETCH = 3.0  # how many times poll_s an idle inbox may wait
_LEFT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_KINDS = {
    stat.S_IFLNK: "a symbolic link, and links are never followed",
    stat.S_IFIFO: "a named pipe, not a file",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}


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
        self._recursive = recursive
        self._ignore = ignore
        self._rescan_s = rescan_s
        self._poll_s = poll_s
        self._post = post
        self._clock = clock
        self._stopping = stopping
        self.settler = Settler(settle_s)
        self.tree = Tree()
        self.ground = Ground(root, self.tree, mode=mode, poll_s=poll_s, post=post, wake=wake)
        self.state = "starting"  # starting | watching | missing | lost
        self.why = ""
        self.files = 0  # known at the end of the last pass
        self.scanned_at: float | None = None
        self.took_s = 0.0
        self.beat = self.retry_at = clock()  # beat: when something was last got done
        self._mount: Mount | None = None
        self._news = False

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
            self.lose(f"{mount.source} ({mount.fstype}) was mounted here anew")
        if self.state in ("missing", "lost"):
            self._post(Back(self._root, mount.device))
        self._mount, self.state, self.why = mount, "watching", ""
        for folder in self.tree.folders.values():
            self._doubt(folder)

    def _doubt(self, folder: Folder) -> None:
        folder.trouble = 0
        folder.files = dict.fromkeys(folder.files)  # None: to be settled

    def _pass_due(self, root: int, everything: bool) -> None:
        if not self.ground.regions:
            self._pass(root, None)  # the first one finds the regions on its way
        for region in list(self.ground.regions.values()):
            if (everything or region.due <= self._clock()) and not self._stopping():
                self._pass(root, region, everything)

    def _pass(self, root: int, region: Region | None, everything: bool = False) -> None:
        """Compare the names in a region's folders with those known; then look at its rota."""
        started = self._clock()
        self._news = False
        folders = list(self.tree.folders.values())
        self._walk(root, folders if region is None else self.tree.within(region))
        if region is not None:
            self._look_at_rota(root, region, everything)
        if self._stopping():
            return
        now = self._clock()
        self.files, self.scanned_at, self.took_s = self.tree.count(), now, now - started
        for one in self.ground.regions.values() if region is None else (region,):
            one.idle = 0 if self._news else one.idle + 1
            one.due = now + self._interval(one)
        self._post(Scanned(self._root, self.files, len(self.settler), self.took_s))

    def _interval(self, region: Region) -> float:
        """Rescan what inotify watches; poll less often where it is quiet or slow."""
        if region.strategy == "inotify":
            return self._rescan_s
        stretch = min(_STRETCH, 1.1 ** max(0, region.idle - 60))
        return max(self._poll_s * stretch, 20 * self.took_s)

    def _walk(self, root: int, folders: list[Folder]) -> None:
        """Visit folders in this order, each followed by those that are found in it."""
        folders.reverse()
        while folders and not self._stopping():
            folder = folders.pop()
            region = folder.region
            away = region is not None and region.lost and region.where != folder.relpath
            if not away and self.tree.folders.get(folder.relpath) is folder:
                folders += self._visit(root, folder)

    def _visit(self, root: int, folder: Folder) -> list[Folder]:
        """Compare one folder's names; return the folders to visit next."""
        self.beat = self._clock()
        try:
            with self._opened(root, folder) as fd:
                said = self.ground.place(fd, folder)
                if said == "lost":
                    for one in self.tree.below(folder):
                        self._forget(one)
                    return []
                below = []
                if said == "back":
                    for one in self.tree.below(folder):
                        self._doubt(one)
                        if one is not folder:
                            one.region = None
                            below.append(one)
                names = os.listdir(fd)
                look = [name for name in names if not folder.knows(name)]
                if len(names) - len(look) != len(folder):
                    self._compare(root, folder, set(names))
                look += [name for name, known in folder.files.items() if known is None]
                return below + self._glance(root, folder, fd, look)
        except OSError as error:
            self._unreadable(root, folder, error)
            return []

    @contextmanager
    def _opened(self, root: int, folder: Folder) -> Iterator[int]:
        fd = open_beneath(root, folder.relpath, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield fd
        finally:
            os.close(fd)

    def _compare(self, root: int, folder: Folder, names: set[str]) -> None:
        """Forget what a complete listing does not hold any more."""
        self._vanished(root, folder, [*folder.files.keys() - names, *folder.folders - names])
        folder.others &= names

    def _vanished(self, root: int, folder: Folder, names: Iterable[str]) -> None:
        """Forget files and sub-folders, unless it is their mount that has left."""
        names = list(names)
        if not names or not self.ground.holds(root, folder.region):
            return
        gone: list[str] = []
        for name in names:
            path = folder.path(name)
            if name in folder.folders:
                gone += self._drop(self.tree.folders[path], folder)
            elif name in folder.files:
                del folder.files[name]
                self.settler.forget(path)
                gone.append(path)
            folder.others.discard(name)
        self._news = self._news or bool(gone)
        for at in range(0, len(gone), _MESSAGE):
            self._post(Gone(self._root, tuple(gone[at : at + _MESSAGE])))

    def _drop(self, folder: Folder, above: Folder) -> list[str]:
        """Forget a folder and all below it; return the files that were in them."""
        if self.ground.left(folder, above):
            for one in self.tree.below(folder):
                self._forget(one)
            return []
        gone = []
        for one in self.tree.drop(folder):
            self.ground.unwatch(one)
            self._forget(one)
            gone += [one.path(name) for name in one.files]
        return gone

    def _forget(self, folder: Folder) -> None:
        for name, known in folder.files.items():
            if known is None:
                self.settler.forget(folder.path(name))

    def _unreadable(self, root: int, folder: Folder, error: OSError) -> None:
        """Decide what it means that a folder cannot be read."""
        if folder.relpath:
            if error.errno in _LEFT:
                above = self.tree.parent(folder)
                self._vanished(root, above, [folder.relpath.rpartition("/")[2]])
                return
            try:
                with os.scandir(root) as entries:
                    next(entries, None)
            except OSError as worse:
                error, folder = worse, self.tree.root
        if not folder.relpath:
            raise LostError(failure(error, f"cannot read {self._root}").reason) from error
        self._forget(folder)  # the next pass looks at them again
        if folder.trouble != error.errno:
            folder.trouble = error.errno or 0
            why = failure(error, f"cannot read the folder {folder.relpath}").reason
            self._post(Odd(self._root, folder.relpath, why))

    def _glance(self, root: int, folder: Folder, fd: int, names: Iterable[str]) -> list[Folder]:
        """Look at entries of one open folder; return the folders among them to visit."""
        seen: list[Sighting] = []
        gone: list[str] = []
        found: list[Folder] = []
        failed: OSError | None = None
        started = self._clock()
        for name in names:
            try:
                info = os.stat(name, dir_fd=fd, follow_symlinks=False)
            except OSError as error:
                if error.errno in _LEFT:
                    gone.append(name)
                elif failed is not None:
                    raise  # the second: it is not the file but the folder
                else:
                    failed = error
                continue
            if stat.S_ISREG(info.st_mode):
                self._see_file(root, folder, name, info, seen)
            else:
                found += self._see_other(root, folder, name, info)
            if len(seen) >= _BATCH or self._clock() - started > _BATCH_S:
                self._look(seen, started)
                seen.clear()
                started = self._clock()
                if self._stopping():
                    return []
        self._look(seen, started)
        self._vanished(root, folder, gone)
        if failed is not None:
            raise failed
        folder.trouble = 0
        return found

    def _see_file(
        self, root: int, folder: Folder, name: str, info: os.stat_result, seen: list[Sighting]
    ) -> None:
        path = folder.path(name)
        if name in folder.folders:
            self._vanished(root, folder, [name])
        if name not in folder.files:
            if self._ignore.own_rule(path) is not None:
                folder.others.add(name)
                return
            folder.others.discard(name)
            folder.files[name] = None
        known = folder.files[name]
        if known is None or known[:2] != (info.st_size, info.st_mtime_ns):
            folder.files[name] = None
            self._news = True
            seen.append(Sighting(self._root, path, info.st_size, info.st_mtime_ns))

    def _see_other(
        self, root: int, folder: Folder, name: str, info: os.stat_result
    ) -> list[Folder]:
        path = folder.path(name)
        if name in folder.files:
            self._vanished(root, folder, [name])
        is_dir = stat.S_ISDIR(info.st_mode)
        if name in folder.folders:
            if is_dir:
                return [self.tree.folders[path]]
            self._vanished(root, folder, [name])
        ignored = self._ignore.own_rule(path, is_dir) is not None
        if is_dir and self._recursive and not ignored:
            folder.others.discard(name)
            self._news = True
            return [self.tree.add(folder, name)]
        if not is_dir and not ignored and name not in folder.others:
            why = _KINDS.get(stat.S_IFMT(info.st_mode), "not a file")
            self._post(Odd(self._root, path, f"{path} is {why}"))
        folder.others.add(name)
        return []

    def _look(self, seen: list[Sighting], started: float) -> None:
        """Let what was seen settle; tell what has."""
        self.beat = self._clock()
        photos: list[Photo] = self.settler.look(seen, started, self.beat)
        for photo in photos:
            folder, name = self.tree.find(photo.relpath)
            if folder is not None:
                folder.files[name] = (photo.size, photo.mtime_ns, started - photo.quiet_s)
        if photos:
            self._post(Settled(self._root, tuple(photos)))

    def _glance_at(self, root: int, wanted: Iterable[tuple[Folder, Iterable[str]]]) -> None:
        """Look at names in several folders, then visit the folders found among them."""
        found: list[Folder] = []
        for folder, names in wanted:
            if self._stopping():
                return
            if self.tree.folders.get(folder.relpath) is not folder:
                continue
            try:
                with self._opened(root, folder) as fd:
                    if os.fstat(fd).st_dev == folder.identity[0]:  # else the pass finds out
                        found += self._glance(root, folder, fd, names)
                    else:
                        self._forget(folder)
            except OSError as error:
                self._unreadable(root, folder, error)
        self._walk(root, found)

    def _hear(self, root: int) -> bool:
        """Look at what inotify named; True when everything has to be looked at."""
        heard, everything = self.ground.heard()
        self._glance_at(root, heard)
        return everything

    def _look_at_due(self, root: int) -> None:
        """Look again at the files that may have settled by now."""
        due = self.settler.due(self._clock())
        self._glance_at(root, self._by_folder(due).values())
        if due and not self.settler:
            self._post(Scanned(self._root, self.tree.count(), 0, self.took_s))

    def _look_at_rota(self, root: int, region: Region, everything: bool) -> None:
        """Look at the files whose turn it is, so that no change stays unseen for good."""
        left = max(_ROTA, self.files // 20)
        share = _ROTA_S if region.strategy == "inotify" else max(_ROTA_S, self._poll_s / 10)
        until = self._clock() + share
        if everything or region.rota is None:
            region.rota = self.tree.rota(region, _BATCH)
        while everything or (left > 0 and self._clock() < until):
            turn = next(region.rota, None)
            if turn is None or self._stopping():
                region.rota = None
                return
            folder, names = turn
            self._glance_at(root, [(folder, [one for one in names if folder.files.get(one)])])
            left -= len(names)

    def _again(self, root: int, relpaths: Iterable[str]) -> None:
        """Settle and tell photos anew; their quiet time goes on while they do not change."""
        wanted = self._by_folder(relpaths)
        self._glance_at(root, wanted.values())
        now = self._clock()
        for folder, names in wanted.values():
            for name in names:
                if (known := folder.files.get(name)) is not None:
                    seen = Sighting(self._root, folder.path(name), known[0], known[1])
                    folder.files[name] = None
                    self.settler.again(seen, known[2], now)

    def _by_folder(self, relpaths: Iterable[str]) -> dict[str, tuple[Folder, list[str]]]:
        found: dict[str, tuple[Folder, list[str]]] = {}
        for relpath in relpaths:
            folder, name = self.tree.find(relpath)
            if folder is None:
                self.settler.forget(relpath)
            else:
                found.setdefault(folder.relpath, (folder, []))[1].append(name)
        return found
