"""One inbox: a thread that scans it, woken by inotify, by a timer, or by the main loop.

The share may hang for minutes, and then this thread hangs with it; nobody else does.  All
that others may call returns at once: it leaves a note for the thread or reads one from it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nobgd.intake.ignore import Ignore
from nobgd.intake.messages import Message
from nobgd.intake.scanner import Scanner

_DEBOUNCE_S = 0.02  # names heard within are looked at together
_STUCK_S = 15.0  # one look at the share took longer: it hangs


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How an inbox is doing."""

    inbox: str
    state: str  # starting | watching | missing | lost | stuck
    why: str  # it is missing, lost or stuck; else ""
    strategy: str  # of the inbox's own mount: inotify | poll; "" while not known
    texts: tuple[str, ...]  # how each mount is watched: "inotify, proved: ext4"
    briefs: tuple[str, ...]  # the same in a few words: "inotify (ext4)"
    device: int | None  # st_dev
    files: int
    unsettled: int
    scan_age_s: float | None  # since the last complete pass; None: none yet
    scan_took_s: float
    busy_s: float  # since the thread last got something done; 0 while it waits


class Inbox:
    """The scanner thread of one inbox."""

    def __init__(
        self,
        root: str,
        *,
        recursive: bool = True,
        ignore: Ignore,
        mode: str = "auto",
        settle_s: float = 2.0,
        rescan_s: float = 30.0,
        poll_s: float = 5.0,
        post: Callable[[Message], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; `post` is called on the thread with each message and should not block."""
        self.root = root
        self._clock = clock
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._notes: list[str] = []
        self._everything = False
        self._stop = False
        self._busy = False
        self._scanner = Scanner(
            root,
            recursive=recursive,
            ignore=ignore,
            mode=mode,
            settle_s=settle_s,
            rescan_s=rescan_s,
            poll_s=poll_s,
            post=post,
            clock=clock,
            wake=self._wake.set,
            stopping=lambda: self._stop,
        )
        self._thread = threading.Thread(target=self._run, name=f"scan {root}", daemon=True)

    def start(self) -> None:
        """Begin to scan."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """End the scan; True when it has ended, False when the share holds it up."""
        self._stop = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether the thread lives, or was told to end; one that a share holds up does."""
        return self._thread.is_alive() or self._stop

    def wake(self) -> None:
        """Scan everything now."""
        with self._lock:
            self._everything = True
        self._wake.set()

    def again(self, relpaths: Iterable[str]) -> None:
        """Settle these photos anew, then tell them again; those that left are told `Gone`."""
        with self._lock:
            self._notes += relpaths
        self._wake.set()

    def snapshot(self) -> Snapshot:
        """Say how the inbox is doing; never waits for the share."""
        scanner, now = self._scanner, self._clock()
        regions = list(scanner.ground.regions.copy().values())
        busy_s = max(0.0, now - scanner.look.beat) if self._busy else 0.0
        state, why = scanner.state, scanner.why
        if busy_s > _STUCK_S:
            state, why = "stuck", f"the file system has not answered for {busy_s:.0f} s"
        mount = scanner.ground.mount
        return Snapshot(
            inbox=self.root,
            state=state,
            why=why,
            strategy=regions[0].strategy if regions else "",
            texts=tuple(scanner.ground.text(region) for region in regions),
            briefs=tuple(dict.fromkeys(scanner.ground.brief(region) for region in regions)),
            device=mount.device if mount is not None else None,
            files=scanner.files,
            unsettled=len(scanner.settler),
            scan_age_s=None if scanner.scanned_at is None else now - scanner.scanned_at,
            scan_took_s=scanner.took_s,
            busy_s=busy_s,
        )

    def _run(self) -> None:
        try:
            while not self._stop:
                wait_s = self._step()
                if self._wake.wait(wait_s) and not self._stop:
                    time.sleep(_DEBOUNCE_S)
        finally:
            self._scanner.ground.leave()

    def _step(self) -> float:
        """Let the scanner do what is due; return the seconds until something will be."""
        self._wake.clear()
        with self._lock:
            notes, self._notes = self._notes, []
            everything, self._everything = self._everything, False
        self._scanner.look.beat, self._busy = self._clock(), True
        try:
            at = self._scanner.step(notes, everything)
        except Exception as error:  # noqa: BLE001 - a bug here must not leave an inbox unwatched
            self._scanner.lose(f"nobgd failed while scanning: {error!r}; it is tried again")
            at = self._scanner.retry_at
        finally:
            self._busy = False
        return max(0.0, at - self._clock())
