"""Structured logging: one JSON object a line, on stdout and, if asked, in a file.

Lines are whole or absent: each is one write(2) to a descriptor opened for appending.  A log
that cannot be written (full disk, gone pipe) never stops a photo; `Log.write` says so, and
the service keeps the line of a finished photo until it is written.

Diagnostics: after a failed write the file is opened anew with the next line; a file that
was rotated away (another inode under its name) is opened anew too.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog

from nobgd.record import events

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_TAIL_BYTES = 1 << 20


def timestamp() -> str:
    """Now, UTC, ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Log:
    """Where lines go.

    ``pretty`` turns stdout, never the file, into lines for people; ``mute`` leaves it empty.
    """

    def __init__(
        self, level: str = "info", file: str | None = None, *, pretty: bool = False,
        mute: bool = False, stdout: TextIO | None = None,
    ) -> None:  # fmt: skip
        self.level = LEVELS[level]
        self._path = file
        self._file: int | None = None
        self._inode: tuple[int, int] | None = None
        self._stdout = stdout if stdout is not None else sys.stdout
        self._pretty = structlog.dev.ConsoleRenderer() if pretty else None
        self._mute = mute
        self.lost = 0

    def bound(self) -> Any:
        """A structlog logger that writes here."""
        return structlog.wrap_logger(
            _Lines(self),
            processors=[structlog.processors.add_log_level, _stamp, self._render],
            wrapper_class=structlog.make_filtering_bound_logger(self.level),
        )

    def _render(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
        return events.line(dict(event))

    def write(self, line: str) -> bool:
        """One rendered JSON line to every sink; whether all took it."""
        data = (line + "\n").encode("ascii")
        good = self._to_file(data) if self._path else True
        if self._mute:
            return good
        try:
            if self._pretty is not None:
                event = events.parse(line) or {"event": line}
                self._stdout.write(str(self._pretty(None, "info", dict(event))) + "\n")
            else:
                self._stdout.write(data.decode("ascii"))
            self._stdout.flush()
        except (OSError, ValueError):
            good = good and self._path is not None
        self.lost += not good
        return good

    def _to_file(self, data: bytes) -> bool:
        try:
            self._reopen_if_rotated()
            assert self._file is not None  # noqa: S101 - opened just above
            written = os.write(self._file, data)
            if written < len(data):  # the disk filled up in the middle: end the torn line
                with contextlib.suppress(OSError):
                    os.write(self._file, b"\n")
                self._close_file()
                return False
        except OSError:
            self._close_file()
            return False
        return True

    def _reopen_if_rotated(self) -> None:
        assert self._path is not None  # noqa: S101 - only called with a file
        if self._file is not None:
            with contextlib.suppress(FileNotFoundError):
                seen = os.stat(self._path)
                if (seen.st_dev, seen.st_ino) == self._inode:
                    return
            self._close_file()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o644)
        seen = os.fstat(self._file)
        self._inode = (seen.st_dev, seen.st_ino)
        if seen.st_size and self._last_byte() != b"\n":
            os.write(self._file, b"\n")  # a torn line of a power cut stays by itself

    def _last_byte(self) -> bytes:
        assert self._path is not None  # noqa: S101 - only called with a file
        with open(self._path, "rb") as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read(1)

    def _close_file(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None

    def holds(self, line: str) -> bool:
        """Whether ``line`` is among the last megabyte written, where that can be looked up."""
        target = self._path
        if target is None:
            with contextlib.suppress(OSError, ValueError):
                if stat.S_ISREG(os.fstat(self._stdout.fileno()).st_mode):
                    target = f"/proc/self/fd/{self._stdout.fileno()}"
        if target is None:
            return False
        with contextlib.suppress(OSError), open(target, "rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - _TAIL_BYTES))
            return line.encode("ascii") in stream.read()
        return False

    def close(self) -> None:
        """Close the file."""
        self._close_file()


class _Lines:
    """The logger object that structlog drives."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def _take(self, line: str) -> None:
        self._log.write(line)

    debug = info = warning = error = msg = _take


def _stamp(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event.setdefault("timestamp", timestamp())
    return event
