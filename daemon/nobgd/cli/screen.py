"""The streams that people read: what could steer a terminal is shown escaped, whoever prints it.

A file's name may hold anything but "/" and NUL: an escape sequence that renames the window or
types, a bell, a line break, letters that run backwards.  `guarded` puts a guard in front of
stdout and stderr for as long as a verb runs, so that no verb can forget it.  What draws by
itself (rich) writes to the stream behind the guard, by `console`, and takes names as `shown`.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

from nobgd.fs.names import shown

if TYPE_CHECKING:
    from rich.console import Console


class UnsaidError(OSError):
    """Stdout has not taken what a verb said: its disk is full, or its share has gone."""


class Stdout:
    """A text stream that tells what goes wrong with it from what goes wrong elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write ``text``.  Raises `UnsaidError`; BrokenPipeError, when its reader has ended."""
        with _unsaid():
            return self.stream.write(text)

    def flush(self) -> None:
        """Have all of it written.  Raises as `write` does."""
        with _unsaid():
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextlib.contextmanager
def _unsaid() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnsaidError(error.errno, error.strerror) from None


class Guard:
    """A text stream whose writes are escaped but for line ends and tabs; else the one behind."""

    def __init__(self, behind: Any) -> None:
        self.behind: TextIO = behind

    def write(self, text: str) -> int:
        """Write ``text``, escaped."""
        self.behind.write(printable(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each, escaped."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)


def printable(text: str) -> str:
    """``text`` with all but letters, signs, blanks, tabs and line ends escaped, as `shown` does."""
    if text.isascii() and text.isprintable():
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(map(shown, line.split("\t"))) for line in lines)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Guard stdout and stderr meanwhile; what is no terminal gets names that are no UTF-8 whole."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(errors="surrogateescape")
    with (
        contextlib.redirect_stdout(Guard(Stdout(sys.stdout))),
        contextlib.redirect_stderr(Guard(sys.stderr)),
    ):
        yield


def behind(stream: TextIO) -> TextIO:
    """The stream behind the guard, if there is one: for text that holds no name as it is."""
    return stream.behind if isinstance(stream, Guard) else stream


def colours() -> bool:
    """Whether stdout is a terminal that wants colours (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain


def data(text: str) -> None:
    """Text for a program on stdout: as it is into a file or pipe, escaped on a terminal."""
    stream = sys.stdout if sys.stdout.isatty() else behind(sys.stdout)
    stream.write(text)


def console(stream: TextIO, **options: Any) -> Console:
    """A rich console on a stream, behind its guard; give it names as `shown` only."""
    from rich.console import Console

    return Console(file=behind(stream), highlight=False, **options)
