"""Be told by the kernel which names changed in which folder; hints, never the truth.

watchdog's descriptor-level reader does the reading, on its thread; every folder has a watch
of its own.  (Its recursive observer reports nothing that is added to a folder which was
moved in, and a root that leaves kills it.)  Watches go by open descriptors, so no name is
resolved twice, and they keep no file system from being unmounted.
"""

from __future__ import annotations

import errno
import itertools
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

# Not MODIFY, which comes with every write, nor ATTRIB: unsettled files are looked at anyway,
# and a change of owner is no change.
_MASK = (
    InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_CREATE
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_MOVE
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ONLYDIR
    | InotifyConstants.IN_EXCL_UNLINK
)
Ear = tuple[WatchDescriptor, CallbackId]  # a watch: the kernel's number and ours

_MANY = 20_000  # names waiting to be taken; beyond, a pass over everything is cheaper


@dataclass(slots=True)
class Heard:
    """What was heard since the last time."""

    names: dict[int, set[str]] = field(default_factory=dict)  # by watch
    written: dict[int, set[str]] = field(default_factory=dict)  # of these: closed, or moved in
    moved: set[int] = field(default_factory=set)  # watches whose own folder moved or left
    ended: set[int] = field(default_factory=set)  # watches that the kernel has dropped
    overflow: bool = False  # names were lost: look at everything


class Watch:
    """The inotify watches of one inbox."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """Start listening; `wake` is called on the reader's thread.

        Raises OSError (EMFILE) when the limit of inotify instances is reached.
        """
        self._wake = wake
        self._lock = threading.Lock()
        self._heard = Heard()
        self._count = 0
        self._numbers = itertools.count()
        self._proof = threading.Event()
        self._reader = InotifyFD()
        self._reader.start()

    @property
    def alive(self) -> bool:
        """False when the reader's thread has ended; then nothing more is heard."""
        return self._reader.is_alive()

    def add(self, folder: int) -> Ear:
        """Watch an open directory.  A directory that was moved keeps the kernel's number.

        Raises OSError: ENOSPC when the limit of watches is reached.
        """
        return self._add(folder, _MASK)

    def drop(self, ear: Ear) -> None:
        """Stop watching; to drop a watch that the kernel has dropped already is no error."""
        self._reader.remove_callbacks([ear])

    def prove(self, folder: int, timeout_s: float = 2.0) -> bool:
        """See whether an act in a directory is heard.  The act is to open it: no trace."""
        self._proof.clear()
        ear = self._add(folder, InotifyConstants.IN_OPEN)
        try:
            os.close(os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder))
            return self._proof.wait(timeout_s)
        finally:
            self.drop(ear)

    def take(self) -> Heard:
        """Return what was heard since the last call."""
        with self._lock:
            heard, self._heard, self._count = self._heard, Heard(), 0
        return heard

    def close(self) -> None:
        """Stop listening."""
        self._reader.stop()

    def on_event(self, event: InotifyEvent) -> None:
        """Take in one event (called by watchdog)."""
        if event.is_open:
            self._proof.set()
            return
        with self._lock:
            if event.name:
                name = os.fsdecode(event.name)
                self._heard.names.setdefault(event.wd, set()).add(name)
                if event.is_close_write or event.is_moved_to:
                    self._heard.written.setdefault(event.wd, set()).add(name)
                self._count += 1
                if self._count > _MANY:
                    self._heard.names.clear()
                    self._heard.written.clear()
                    self._heard.overflow = True
            else:
                self._heard.moved.add(event.wd)
        self._wake()

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """Learn that a watched folder is gone or unmounted (called by watchdog)."""
        with self._lock:
            self._heard.ended.add(wd)
        self._wake()

    def on_queue_overflow(self) -> None:
        """Learn that events were lost (called by watchdog)."""
        with self._lock:
            self._heard.overflow = True
        self._wake()

    def _add(self, folder: int, mask: int) -> Ear:
        path = b"/proc/self/fd/%d" % folder
        number = CallbackId(next(self._numbers))
        watch = self._reader.add_callback(path, cast(Mask, mask), self, number)
        if watch == -1:  # watchdog keeps EACCES to itself
            raise PermissionError(errno.EACCES, "inotify may not watch this folder")
        return watch, number
