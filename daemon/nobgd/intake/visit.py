"""Look at entries of an inbox: what is a photo, what has settled, what has left, what is odd.

A name that is known is not looked at without a reason; a listing that breaks off is thrown
away whole, so nothing is taken for gone that only could not be seen.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from nobgd.fs.beneath import open_beneath
from nobgd.fs.faults import failure
from nobgd.fs.names import GOING, GOING_FILE
from nobgd.intake.departures import LEFT, Departures
from nobgd.intake.ignore import Ignore
from nobgd.intake.messages import Came, Left, Message, Odd, Settled
from nobgd.intake.regions import Ground
from nobgd.intake.settle import Settler
from nobgd.intake.sign_files import SIGNS
from nobgd.intake.tree import Folder, Tree
from nobgd.values import Photo, Sighting

BATCH = 256  # files looked at between two readings of the clock
_BATCH_S = 0.02
_UNSEEN = 20  # entries that cannot be looked at, beyond which it is the folder
_UNSEEN_AT_ONCE = 2  # before any that can: each may take the time-out of a share
_MESSAGE = 1000  # photos or names in one message
_KINDS = {
    stat.S_IFLNK: "a symbolic link, and links are never followed",
    stat.S_IFIFO: "a named pipe, not a file",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}


class Look:
    """The eyes of one inbox.  Only accessed from its scanner thread."""

    def __init__(
        self,
        root: str,
        tree: Tree,
        ground: Ground,
        settler: Settler,
        *,
        recursive: bool,
        ignore: Ignore,
        post: Callable[[Message], None],
        clock: Callable[[], float],
        stopping: Callable[[], bool],
    ) -> None:
        self._root = root
        self._tree = tree
        self._ground = ground
        self._settler = settler
        self._recursive = recursive
        self._ignore = ignore
        self._post = post
        self._clock = clock
        self._stopping = stopping
        self.beat = clock()  # when something was last got done
        self.first = True  # the first pass is not over: nothing is known of what was there before
        self.news = False  # something new, changed or gone was seen; the reader sets it back
        self._left = Departures(root, tree, ground, settler, post, self._noticed)
        self._came: list[str] = []

    def _noticed(self) -> None:
        self.news = True

    def walk(self, root: int, folders: list[Folder]) -> None:
        """Visit folders in this order, each followed by those that are found in it."""
        folders.reverse()
        while folders and not self._stopping():
            folder = folders.pop()
            region = folder.region
            away = region is not None and region.lost and region.where != folder.relpath
            if not away and self._tree.folders.get(folder.relpath) is folder:
                folders += self._visit(root, folder)

    def at(self, root: int, wanted: Iterable[tuple[Folder, Iterable[str]]]) -> None:
        """Look at names in several folders, then visit the folders found among them."""
        found: list[Folder] = []
        for folder, names in wanted:
            if self._stopping():
                return
            if self._tree.folders.get(folder.relpath) is not folder:
                continue
            try:
                with self._opened(root, folder) as fd:
                    if os.fstat(fd).st_dev == folder.identity[0]:  # else the pass finds out
                        found += self._glance(root, folder, fd, names)
                    else:
                        self._left.forget(folder)
            except OSError as error:
                self._left.unreadable(root, folder, error)
        self.walk(root, found)

    def _visit(self, root: int, folder: Folder) -> list[Folder]:
        """Compare one folder's names; return the folders to visit next."""
        self.beat = self._clock()
        try:
            with self._opened(root, folder) as fd:
                said = self._ground.place(fd, folder)
                if said == "lost":
                    for one in self._tree.below(folder):
                        self._left.forget(one)
                    return []
                below = []
                if said == "back":
                    for one in self._tree.below(folder):
                        self.doubt(one)
                        if one is not folder:
                            one.region = None
                            below.append(one)
                names = os.listdir(fd)
                look = [name for name in names if not folder.knows(name)]
                if len(names) - len(look) != len(folder):
                    self._left.compare(root, folder, set(names))
                look += [name for name, known in folder.files.items() if known is None]
                return below + self._glance(root, folder, fd, look)
        except OSError as error:
            self._left.unreadable(root, folder, error)
            return []

    @contextmanager
    def _opened(self, root: int, folder: Folder) -> Iterator[int]:
        fd = open_beneath(root, folder.relpath, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield fd
        finally:
            os.close(fd)

    def doubt(self, folder: Folder) -> None:
        """Take no file of this folder for settled any more."""
        folder.trouble = 0
        folder.files = dict.fromkeys(folder.files)  # None: to be settled

    def _glance(self, root: int, folder: Folder, fd: int, names: Iterable[str]) -> list[Folder]:
        """Look at entries of one open folder; return the folders among them to visit."""
        seen: list[Sighting] = []
        gone: list[str] = []
        self._came.clear()
        found: list[Folder] = []
        failed: list[tuple[str, OSError]] = []
        good = False
        started = self._clock()
        for name in sorted(names):  # a listing has no order, and people look at their outbox
            try:
                info = os.stat(name, dir_fd=fd, follow_symlinks=False)
            except OSError as error:
                if error.errno in LEFT:
                    gone.append(name)
                elif len(failed) >= (_UNSEEN if good else _UNSEEN_AT_ONCE):
                    raise  # it is not the file but the folder
                else:
                    failed.append((name, error))
                continue
            good = True
            if folder.unseen:
                folder.unseen.pop(name, None)
            if stat.S_ISREG(info.st_mode):
                self._see_file(root, folder, name, info, seen)
            else:
                found += self._see_other(root, folder, name, info)
            if len(seen) >= BATCH or self._clock() - started > _BATCH_S:
                self._look(seen, started)
                seen.clear()
                started = self._clock()
                if self._stopping():
                    return []
        for at in range(0, len(self._came), _MESSAGE):
            self._post(Came(self._root, tuple(self._came[at : at + _MESSAGE])))
        self._look(seen, started)
        self._left.vanished(root, folder, gone)
        if failed and not good:  # none could be looked at: it may be the folder
            with os.scandir(fd) as entries:
                next(entries, None)
        for name, why in failed:
            self._unseen(folder, name, why)
        folder.trouble = 0
        return found

    def _unseen(self, folder: Folder, name: str, error: OSError) -> None:
        """One entry of many cannot be looked at: it is told once, and keeps nobody waiting."""
        if folder.files.get(name) is None and folder.unseen.get(name) != error.errno:
            folder.unseen[name] = error.errno or 0
            path = folder.path(name)
            self._post(Odd(self._root, path, failure(error, f"cannot look at {path}").reason))

    def _see_file(
        self, root: int, folder: Folder, name: str, info: os.stat_result, seen: list[Sighting]
    ) -> None:
        path = folder.path(name)
        if name in folder.folders:
            self._left.vanished(root, folder, [name])
        if name not in folder.files:
            if self._ignore.own_rule(path) is not None:
                if name.startswith(GOING_FILE) and name not in folder.others:
                    self._post(Left(self._root, folder.relpath))
                folder.others.add(name)
                if name.upper() in SIGNS and not folder.relpath:
                    self._left.signs.change(seen={name})
                return
            folder.others.discard(name)
            folder.files[name] = None
            if not self.first:
                self._came.append(path)
        known = folder.files[name]
        mtime_ns, ctime_ns = info.st_mtime_ns, info.st_ctime_ns
        ctime_ns = mtime_ns if ctime_ns == mtime_ns else ctime_ns  # one object: there are many
        found = (info.st_size, mtime_ns, info.st_ino, ctime_ns)
        if known is None or known[:4] != found:
            folder.files[name] = None
            self.news = True
            seen.append(Sighting(self._root, path, *found))

    def _see_other(
        self, root: int, folder: Folder, name: str, info: os.stat_result
    ) -> list[Folder]:
        path = folder.path(name)
        if name in folder.files:
            self._left.vanished(root, folder, [name])
        is_dir = stat.S_ISDIR(info.st_mode)
        if name in folder.folders:
            if is_dir:
                return [self._tree.folders[path]]
            self._left.vanished(root, folder, [name])
        rule = self._ignore.own_rule(path, is_dir)
        ignored = rule is not None
        if is_dir and name == GOING and name not in folder.others:
            self._post(Left(self._root, folder.relpath))
        if is_dir and self._recursive and not ignored:
            folder.others.discard(name)
            self.news = True
            return [self._tree.add(folder, name)]
        if not is_dir and not ignored and name not in folder.others:
            why = _KINDS.get(stat.S_IFMT(info.st_mode), "not a file")
            self._post(Odd(self._root, path, f"{path} is {why}"))
        elif rule is not None and is_dir and self._recursive and name not in folder.others:
            told = self._ignore.surprise(path, rule)
            if told is not None:
                self._post(Odd(self._root, path, told))
        folder.others.add(name)
        return []

    def _look(self, seen: list[Sighting], started: float) -> None:
        """Let what was seen settle; tell what has."""
        self.beat = self._clock()
        photos: list[Photo] = self._settler.look(seen, started, self.beat)
        for photo in photos:
            folder, name = self._tree.find(photo.relpath)
            if folder is not None:
                since = started - photo.quiet_s
                folder.files[name] = (
                    photo.size, photo.mtime_ns, photo.inode, photo.ctime_ns, since,
                )  # fmt: skip
        if photos:
            self._post(Settled(self._root, tuple(photos)))
