"""What an inbox stands on: the mounts in its tree, and the watches on its folders.

Each mount is a `Region` with a strategy of its own, because an inbox on a local disk may
hold a folder that a share is mounted on.  Descriptors are opened for one step and closed
again, so nobgd never keeps a share from being unmounted.  Only accessed from the inbox's
scanner thread.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from nobgd.fs import mounts
from nobgd.fs.beneath import mount_stamp
from nobgd.fs.faults import failure
from nobgd.intake.inotify import Watch
from nobgd.intake.messages import Message, Odd, Watching
from nobgd.intake.tree import Folder, Region, Tree
from nobgd.values.mount import Mount

_LIMITS = {
    errno.ENOSPC: "no inotify watches are left (raise fs.inotify.max_user_watches)",
    errno.EMFILE: "no inotify instances are left (raise fs.inotify.max_user_instances)",
}


class LostError(Exception):
    """The inbox cannot be read now; the text says why."""


class Ground:
    """The mounts and watches of one inbox."""

    def __init__(
        self,
        root: str,
        tree: Tree,
        *,
        mode: str,
        poll_s: float,
        post: Callable[[Message], None],
        wake: Callable[[], None],
    ) -> None:
        self._root = root
        self._tree = tree
        self._mode = mode
        self._poll_s = poll_s
        self._post = post
        self._wake = wake
        self.mount: Mount | None = None  # the inbox's own, as last seen
        self._seen: tuple[int, int, int] | None = None  # st_dev, mount stamp, st_ino
        self.regions: dict[str, Region] = {}  # by their topmost folder
        self.written: list[tuple[Folder, set[str]]] = []  # closed after writing, or moved in
        self.overflowed = False  # events were lost before the last call of `heard`
        self._watch: Watch | None = None
        self._deaf = ""  # why inotify is not tried any more
        self._hearing: dict[int, Folder] = {}  # by the kernel's number

    def enter(self) -> int:
        """Open the inbox; make sure that it is there, readable, and not a bare mount point.

        Returns a descriptor for the caller to close.  Raises `LostError`.  When the mount is
        another than before, yet a right one, `mount` changes: compare it by identity.
        """
        try:
            root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise LostError(failure(error, f"cannot open {self._root}").reason) from error
        try:
            self._check(root)
        except OSError as error:
            os.close(root)
            raise LostError(failure(error, f"cannot read {self._root}").reason) from error
        except LostError:
            os.close(root)
            raise
        return root

    def _check(self, root: int) -> None:
        info, before = os.fstat(root), self.mount
        stamp = mount_stamp(root)
        # Some shares give a folder a new inode number now and then; a local disk does not.
        inode = info.st_ino if before is None or before.local else 0
        if self._seen == (info.st_dev, stamp, inode) and self.regions:
            return
        with os.scandir(root) as entries:  # it opens; can it be read?
            next(entries, None)
        now = mounts.identify(root)
        why = mounts.unmounted(self._root) if before is None else mounts.judge(before, now)
        if why is not None:
            raise LostError(why)
        self.mount = now
        self._seen = (info.st_dev, stamp, info.st_ino if now.local else 0)

    def leave(self) -> None:
        """Stop hearing and forget all regions; what is known of the files stays."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self._hearing.clear()
        self.regions.clear()
        self._deaf = ""
        for folder in self._tree.folders.values():
            folder.region, folder.ear = None, None

    def place(self, fd: int, folder: Folder) -> str:
        """Find the region an open folder lies in, and watch the folder.

        Returns "there"; or "lost" when a share that was mounted on this very folder has
        left; or "back" when it has returned: then all below must be looked at anew.
        """
        info = os.fstat(fd)
        identity = (info.st_dev, info.st_ino)
        above = None if folder.relpath == "" else self._tree.parent(folder)
        region, said = folder.region, "there"
        if above is None or info.st_dev != above.identity[0]:
            if region is None or region.lost or region.mount.device != info.st_dev:
                said = "back" if region is not None and region.lost else said
                region = self._found(fd, folder)
        elif region is not above.region:
            if self.left(folder, above):
                return "lost"
            region = above.region
        if folder.identity != identity:
            self.unwatch(folder)
            folder.identity = identity
        folder.region = region
        if region is not None and region.strategy == "inotify" and folder.ear is None:
            self._listen(fd, folder)
        return said

    def holds(self, root: int, region: Region | None) -> bool:
        """Make sure that a mount within the inbox has not left while it was looked at.

        The inbox's own mount is held by the open `root`, so it cannot.
        """
        if region is None or not region.where:
            return True
        try:
            top = mounts.identify(root, region.where)
        except OSError:
            return False
        return mounts.judge(region.mount, top) is None

    def unwatch(self, folder: Folder) -> None:
        """Hear nothing more from a folder."""
        if folder.ear is None or self._watch is None:
            return
        if self._hearing.get(folder.ear[0]) is folder:
            del self._hearing[folder.ear[0]]
        self._watch.drop(folder.ear)
        folder.ear = None

    def heard(self) -> tuple[list[tuple[Folder, set[str]]], bool]:
        """Return the names heard of since the last call, and whether to look at everything."""
        self.written = []
        if self._watch is None:
            return [], False
        if not self._watch.alive:
            for folder in self._hearing.values():
                folder.ear = None
            self._hearing.clear()
            self._watch = None
            return [], True
        heard = self._watch.take()
        tops = {
            number
            for number, folder in self._hearing.items()
            if folder.region is not None and folder.region.where == folder.relpath
        }
        self.overflowed = heard.overflow
        everything = heard.overflow or not tops.isdisjoint(heard.moved | heard.ended)
        for number in heard.ended:
            if number in self._hearing:
                self._hearing.pop(number).ear = None
        self.written = self._known(heard.written)
        return self._known(heard.names), everything

    def _known(self, named: dict[int, set[str]]) -> list[tuple[Folder, set[str]]]:
        return [(self._hearing[one], names) for one, names in named.items() if one in self._hearing]

    def _found(self, fd: int, folder: Folder) -> Region:
        """Take in a mount and choose its strategy."""
        mount = mounts.identify(fd)
        strategy, why = mounts.strategy(mount, self._mode)
        proved = False
        if strategy == "inotify" and self._deaf:
            strategy, why = "poll", f"{why}, and {self._deaf}"
        if strategy == "inotify":
            try:
                self._watch = self._watch or Watch(self._wake)
                proved = self._watch.prove(fd)
                if not proved and self._mode == "auto":
                    strategy, why = "poll", f"{why}, where a probe of inotify was not heard"
            except OSError as error:
                strategy, why = "poll", self._deafen(error, why)
        region = Region(folder.relpath, mount, strategy, why, proved and strategy == "inotify")
        self.regions[folder.relpath] = region
        self._tell(region)
        return region

    def left(self, folder: Folder, above: Folder) -> bool:
        """Say whether a mount on this very folder has left; that is told once."""
        region = folder.region
        if region is None or region.where != folder.relpath or above.region is None:
            return False
        if region.mount.mount_id == above.region.mount.mount_id:  # a subvolume, no mount
            self.regions.pop(region.where, None)
            return False
        if not region.lost:
            region.lost = True
            gone = f"{region.mount.source} ({region.mount.fstype}) is no longer mounted here"
            self._post(Odd(self._root, region.where, f"{gone}; waiting until it is back"))
            for one in self._tree.within(region):
                self.unwatch(one)
        return True

    def _listen(self, fd: int, folder: Folder) -> None:
        try:
            self._watch = self._watch or Watch(self._wake)
            folder.ear = self._watch.add(fd)
        except PermissionError:
            return  # readable, yet not to be watched: the rescan finds what is new
        except OSError as error:
            for region in list(self.regions.values()):
                if region.strategy == "inotify":
                    region.strategy, region.why = "poll", self._deafen(error, region.why)
                    region.proved = False
                    for one in self._tree.within(region):
                        self.unwatch(one)
                    self._tell(region)
            return
        self._hearing[folder.ear[0]] = folder

    def _deafen(self, error: OSError, why: str) -> str:
        self._deaf = _LIMITS.get(error.errno or 0) or f"inotify fails: {error.strerror}"
        return f"{why}, and {self._deaf}"

    def _tell(self, region: Region) -> None:
        self._post(
            Watching(
                self._root,
                region.strategy,
                f"proved: {region.why}" if region.proved else region.why,
                self.text(region),
                region.mount,
                region.where,
            )
        )

    def text(self, region: Region) -> str:
        """Describe a region for people: "inotify, proved: ext4"."""
        if region.strategy == "poll":
            return f"poll every {self._poll_s:g} s: {region.why}"
        return f"inotify{', proved' if region.proved else ''}: {region.why}"

    def brief(self, region: Region) -> str:
        """The same in a few words, for the status line: "poll 5 s (nfs4)"."""
        how = "inotify" if region.strategy == "inotify" else f"poll {self._poll_s:g} s"
        return f"{how} ({region.mount.fstype})"
