"""Metrics as a text file for node_exporter.

The loop hands over text; a thread of its own writes the file, because the folder may hang.  What
goes wrong is returned as a sentence for the log and never keeps the daemon from its work.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable

from nobgd.fs import mounts, publish, sweeping, tree
from nobgd.values import NobgdError
from nobgd.values.mount import Mount


class TextFile:
    """Replaces a file with the newest text, whole each time.

    A link in its place is replaced, not followed.  Where the share that its folder lay on is no
    longer mounted nothing is written: what is put onto a bare mount point is hidden later.
    """

    def __init__(self, path: str, failed: Callable[[str], None]) -> None:
        """Begin; ``failed`` is told why it cannot be written, once, and "" when it can again."""
        self._folder, self._name = os.path.split(path)
        self._failed = failed
        self._mount: Mount | None = None  # what the folder lay on when last written
        self._swept = False
        self._texts: queue.SimpleQueue[Callable[[], bytes] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="metrics file", daemon=True)
        self._thread.start()

    def write(self, text: Callable[[], bytes]) -> None:
        """Have this text made and written, on a thread of our own; returns at once."""
        if self._texts.qsize() < 2:  # else the folder hangs, and older text waits already
            self._texts.put(text)

    def stop(self, timeout_s: float = 2.0) -> None:
        """Write what was handed over, then end; a folder that hangs is not waited for."""
        self._texts.put(None)
        self._thread.join(timeout_s)

    def _work(self) -> None:
        said = ""
        while (text := self._texts.get()) is not None:
            why = self._write(text())
            if why != said:
                self._failed(why)
            said = why

    def _write(self, text: bytes) -> str:
        try:
            with tree.within(self._folder) as folder:
                now, before = mounts.identify(folder), self._mount
                lost = mounts.judge(before, now) if before else mounts.unmounted(self._folder)
                if lost is not None:
                    return f"metrics.textfile: {lost}; mount it and it goes on"
                if not self._swept:
                    sweeping.sweep_here(folder)
                    self._swept = True
                publish.write(folder, self._name, [text], replace=True)
                self._mount = now
        except NobgdError as error:
            return f"metrics.textfile: {error.reason}"
        return ""
