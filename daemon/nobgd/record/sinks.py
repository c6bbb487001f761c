"""The two places that lines go to, stdout and a file: a line is taken whole, or refused.

Lines are written by write(2) at once, never through a buffer: what a full disk has not taken
would stay in the buffer, and be written again with what follows.

Diagnostics: a file that was rotated away (another inode under its name) is opened anew.  Where
its share is no longer mounted nothing is written onto the bare mount point.  A link is followed
only if it was there at the start and root or nobgd's own user made it: whoever else may write
into that folder could point it at any file that nobgd may write to.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from nobgd.fs import mounts
from nobgd.fs.names import shown
from nobgd.record import events
from nobgd.record.structured import structlog
from nobgd.values.mount import Mount

Show = Callable[[dict[str, Any]], str | None]  # an event as a person sees it; None: not at all
_PRIORITIES = {"error": "<3>", "warning": "<4>"}  # sd-daemon(3); what has none is information


class Stdout:
    """Standard output; ``show``: as lines for people; ``mute``: takes all and shows nothing.

    Where it is the journal, warnings and errors are led by their priority, which systemd takes off.
    """

    def __init__(self, stream: TextIO, *, show: Show | None = None, mute: bool = False) -> None:
        self._stream = stream
        self._show = show
        self._mute = mute
        self._journal = _is_the_journal(stream)
        self._pen = _Pen()

    def write(self, line: str) -> None:
        """One JSON line.  Raises OSError or ValueError."""
        if self._mute:
            return
        text = line
        if self._show is not None:
            shown_as = self._show(events.parse(line) or {"event": line})
            if shown_as is None:
                return
            text = shown_as
        elif self._journal:
            text = _PRIORITIES.get(str((events.parse(line) or {}).get("level")), "") + line
        try:
            number = self._stream.fileno()
        except (OSError, ValueError):  # no file behind it
            self._stream.write(text + "\n")
            self._stream.flush()
            return
        self._stream.flush()
        self._pen.write(number, text.encode("utf-8", "backslashreplace"))

    def write_all(self, lines: Sequence[str]) -> tuple[int, Exception | None]:
        """Lines in their order, up to the first that is refused: how many, and why no more."""
        for done, line in enumerate(lines):
            try:
                self.write(line)
            except (OSError, ValueError) as error:
                return done, error
        return len(lines), None

    def tail(self, count: int) -> bytes:
        """The last bytes of it, where it is a plain file."""
        with contextlib.suppress(OSError, ValueError):
            number = self._stream.fileno()
            if stat.S_ISREG(os.fstat(number).st_mode):
                return _tail(f"/proc/self/fd/{number}", count)
        return b""


def in_full() -> Show:
    """Every event with all of its fields, for a terminal."""
    render = structlog.dev.ConsoleRenderer()
    return lambda event: str(render(None, "info", {key: _plain(event[key]) for key in event}))


def _is_the_journal(stream: TextIO) -> bool:
    """Whether systemd has connected it with the journal (systemd.exec(5), $JOURNAL_STREAM)."""
    try:
        seen = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{seen.st_dev}:{seen.st_ino}"


def _plain(value: Any) -> Any:
    """A value for a terminal: no name in it can steer one."""
    if isinstance(value, str):
        return shown(value)
    return [_plain(each) for each in value] if isinstance(value, list) else value


class LogFile:
    """A file that is appended to."""

    def __init__(self, path: str) -> None:
        self._path = _resolved(path)
        self._file: int | None = None
        self._seen: tuple[int, int] | None = None  # st_dev, st_ino
        self._mount: Mount | None = None  # what its folder lay on when last opened
        self._pen = _Pen(alone=True)

    def write(self, line: str) -> None:
        """One line.  Raises OSError."""
        try:
            self._pen.write(self._opened(), line.encode("ascii"))
        except OSError:
            self.close()
            raise

    def tail(self, count: int) -> bytes:
        """The last bytes of it.  Raises OSError."""
        return _tail(self._path, count)

    def close(self) -> None:
        """Close it; the next line opens it again."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None

    def _opened(self) -> int:
        if self._file is not None:
            with contextlib.suppress(FileNotFoundError):
                seen = os.stat(self._path, follow_symlinks=False)
                if (seen.st_dev, seen.st_ino) == self._seen:
                    return self._file
            self.close()
        where, name = os.path.split(self._path)
        folder = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            now = mounts.identify(folder)
            before = self._mount
            why = mounts.unmounted(where) if before is None else mounts.judge(before, now)
            if why is not None:
                raise OSError(errno.ENODEV, f"{why}; mount it and the log goes on")
            self._file = _open(folder, name)
            self._mount = now
        finally:
            os.close(folder)
        seen = os.fstat(self._file)
        self._seen = (seen.st_dev, seen.st_ino)
        if stat.S_ISREG(seen.st_mode) and seen.st_size:
            with contextlib.suppress(OSError):  # EBADF: we may not read it
                self._pen.torn = os.pread(self._file, 1, seen.st_size - 1) != b"\n"
        return self._file


def _tail(path: str, count: int) -> bytes:
    with open(path, "rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - count))
        return stream.read()


def _open(folder: int, name: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        file = os.open(name, flags, 0o644, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link, which is not followed") from None
        if error.errno != errno.EACCES:
            raise
        file = os.open(name, flags & ~os.O_RDWR | os.O_WRONLY, dir_fd=folder)  # not to be read
    if stat.S_ISREG(os.fstat(file).st_mode) or stat.S_ISCHR(os.fstat(file).st_mode):
        return file
    os.close(file)
    raise OSError(errno.EINVAL, "it is no plain file")


def _resolved(path: str) -> str:
    """The path, with a link at its end followed if it was made by root or by our own user."""
    with contextlib.suppress(OSError):
        info = os.lstat(path)
        if stat.S_ISLNK(info.st_mode) and info.st_uid in (0, os.geteuid()):
            return os.path.realpath(path)
    return path


class _Pen:
    """Writes whole lines: of one that does not fit nothing stays, or it is ended where it broke.

    ``alone``: nobody else appends to the file, so its end may be cut off.
    """

    def __init__(self, *, alone: bool = False) -> None:
        self._alone = alone
        self.torn = False

    def write(self, file: int, line: bytes) -> None:
        """One line, after a torn one on a line of its own.  Raises OSError."""
        data = memoryview(b"\n" * self.torn + line + b"\n")
        done = os.write(file, data)
        self.torn = False
        try:
            while done < len(data):
                done += os.write(file, data[done:])
        except OSError:
            self.torn = True
            with contextlib.suppress(OSError):
                if self._alone:
                    os.ftruncate(file, os.fstat(file).st_size - done)
                    self.torn = False
                else:
                    self.torn = os.write(file, b"\n") == 0
            raise
