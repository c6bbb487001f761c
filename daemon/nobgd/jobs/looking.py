"""Photos that were touched although size and time say nothing of it: their bytes are looked at.

exiftool -P, `cp -p`, and a rename of a file of the same size and time change a photo and leave
both as they were; the inode number or the ctime tell, or what the kernel said was written.  So
does a NAS that sets a mode or an attribute on everything, so nothing is done again on that word
alone: a lane hashes the file, one at a time and only when no photo waits, and the ledger learns
what the file looks like now when its bytes are the same.

Some file systems (FUSE, CIFS without serverino) number their inodes anew as they please: where
another inode with the same ctime was the same photo every time, the inode alone says nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from nobgd.jobs.effects import RunErrand
from nobgd.jobs.plan import backoff_s
from nobgd.jobs.row import Row
from nobgd.jobs.state import Key, State
from nobgd.values import Blame, Photo
from nobgd.values.errands import Digest
from nobgd.values.wire import ErrandFailed

_FALSE_ALARMS = 16  # by an inode alone, after which it is not asked for in this inbox
_LEARNT_BYTES = 512_000_000  # what is larger is read again when it is touched, not before
_WRITE_EVERY_S = 1.0  # what was found the same; a crash before costs a look
_LONGEST_PAUSE_S = 600.0
_LOOKED_AT = ("done", "quarantined")  # what is under way or waits is read anyway


class Looking:
    """What is to be looked at.  Only accessed from the main loop; times are monotonic."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._waiting: OrderedDict[Key, Photo] = OrderedDict()
        self._under_way: tuple[Digest, Photo] | None = None
        self._same: list[tuple[Photo, str | None]] = []
        self._write_at = 0.0
        self._false_alarms: dict[str, int] = {}
        self._failures = 0
        self._not_before = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def touched(self, row: Row, photo: Photo) -> bool:
        """Whether something was done to a file whose size and mtime are those of the row.

        What an older nobgd did not note is learnt, and taken for unchanged.
        """
        if photo.heard:
            return True
        if None in (row.inode, row.ctime_ns) and row.state in _LOOKED_AT:
            self.unchanged(photo)
        if row.same_stamp(photo):
            return False
        by_inode = row.ctime_ns == photo.ctime_ns
        return not by_inode or self._false_alarms.get(photo.inbox, 0) < _FALSE_ALARMS

    def unchanged(self, photo: Photo, sha256: str | None = None) -> None:
        """Have the ledger remember what a file looks like whose bytes it knows."""
        self._same.append((photo, sha256))

    def add(self, photo: Photo) -> None:
        """A photo to look at; what waited under its name is replaced."""
        key = (photo.inbox, photo.relpath)
        self._waiting[key] = photo

    def learn(self, inbox: str, relpath: str) -> None:
        """Have the bytes hashed of a photo that was set aside: so it is known when they change."""
        row = self._state.ledger.get(inbox, relpath)
        if row is not None and row.size <= _LEARNT_BYTES and row.inode is not None:
            stamp = (row.inode, row.ctime_ns)
            self.add(Photo(inbox, relpath, row.size, row.mtime_ns, 0.0, *stamp))

    def drop(self, inbox: str, relpaths: Iterable[str]) -> None:
        """Photos that left, or are done anew."""
        for relpath in relpaths:
            self._waiting.pop((inbox, relpath), None)

    def drop_inbox(self, inbox: str) -> None:
        """All photos of an inbox that is no longer configured."""
        for key in [key for key in self._waiting if key[0] == inbox]:
            del self._waiting[key]

    def hopeful(self) -> bool:
        """Whether there is something to look at that can be (for ``once``)."""
        is_open = self._state.is_open
        return not self._failures and any(is_open(inbox) for inbox, _ in self._waiting)

    def start(self) -> None:
        """Have the next one hashed, when none is; called when no photo waits for a lane."""
        if self._under_way is not None or self._state.now.monotonic < self._not_before:
            return
        waiting, is_open = self._waiting.values(), self._state.open_now
        photo = next((each for each in waiting if is_open(each.inbox)), None)
        if photo is None:
            return
        del self._waiting[photo.inbox, photo.relpath]
        mount = self._state.mounts.get(photo.inbox)
        errand = Digest(photo.inbox, photo.relpath, photo.size, photo.mtime_ns, mount)
        self._under_way = errand, photo
        self._state.do(RunErrand(errand))

    def ended(
        self, errand: Digest, found: int | None, error: ErrandFailed | None
    ) -> tuple[Photo, Row] | None:
        """A photo was hashed; it and its row where it has the bytes that are known of it."""
        if self._under_way is None or self._under_way[0] is not errand:
            return None
        (_, photo), self._under_way = self._under_way, None
        row = self._state.ledger.get(photo.inbox, photo.relpath)
        key = (photo.inbox, photo.relpath)
        if row is None or row.state not in _LOOKED_AT or key in self._state.in_flight:
            return None
        if found is None:
            if error is not None and error.code.blame is not Blame.NOBODY:
                self._put_off(photo)
            return None
        self._failures = 0
        digest = f"{found:064x}"
        same = row.sha256 in (None, digest)
        if row.ctime_ns == photo.ctime_ns and row.inode != photo.inode:
            alarms = self._false_alarms.get(photo.inbox, 0) + 1
            self._false_alarms[photo.inbox] = alarms if same else -_FALSE_ALARMS
        if same:
            self.unchanged(photo, digest)
            if row.gone:
                self._state.ledger.back(photo.inbox, photo.relpath)
            return photo, row
        if row.same_file(photo.size, photo.mtime_ns):
            self._state.backlog.add(photo)
        return None

    def _put_off(self, photo: Photo) -> None:
        """It cannot be read now: later, and so long none is looked at."""
        self._failures += 1
        pause = backoff_s(self._failures, longest_s=_LONGEST_PAUSE_S)
        self._not_before = self._state.now.monotonic + pause
        self._waiting.setdefault((photo.inbox, photo.relpath), photo)

    def write(self, *, last: bool = False) -> None:
        """Let the ledger have what was found the same, every second."""
        now = self._state.now.monotonic
        if not self._same or (now < self._write_at and not last):
            return
        self._write_at = now + _WRITE_EVERY_S
        same, self._same = self._same, []
        for photo, digest in same:
            row = self._state.ledger.get(photo.inbox, photo.relpath)
            if row is None or row.state not in _LOOKED_AT:
                continue
            if row.same_file(photo.size, photo.mtime_ns):
                self._state.ledger.seen(photo, digest or row.sha256)
