"""Structured logging: one JSON object a line, on stdout and, if asked, in a file.

The file, or stdout where there is none, is the log: what it has not taken it gets when it can.
Lines of finished photos lie in the ledger until then (see `saying`); of all others the latest
thousand are kept here.  Nothing is written twice: stdout has taken what the file has not.

Diagnostics: when the log refuses a line (full disk, gone pipe, unmounted share, or one that does
not answer in a quarter of a second) that is said on stdout (`log.lost`), nothing more is offered
to it but for one line after a pause that doubles from a second to a minute, and when it has all
of them that is said too (`log.back`).  No photo is ever stopped by it.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections import deque
from collections.abc import MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from nobgd.record import events
from nobgd.record.distant import WITHIN_S, DistantFile
from nobgd.record.sinks import Show, Stdout
from nobgd.record.structured import structlog

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_TAIL_BYTES = 1 << 20
_KEPT = 1000  # lines that are no finished photo's
_LONGEST_PAUSE_S = 60.0


def timestamp() -> str:
    """Now, UTC, ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Log:
    """Where lines go.  Used by one thread at a time; times are monotonic seconds.

    ``show`` turns stdout, never the file, into lines for people; ``mute`` leaves it empty.
    """

    def __init__(
        self, level: str = "info", file: str | None = None, *, show: Show | None = None,
        mute: bool = False, stdout: TextIO | None = None, within_s: float = WITHIN_S,
    ) -> None:  # fmt: skip
        self.level = LEVELS[level]
        stream = stdout if stdout is not None else sys.stdout
        self._stdout = Stdout(stream, show=show, mute=mute)
        self._file = DistantFile(file, within_s) if file else None
        self._log: DistantFile | Stdout = self._file or self._stdout
        self._name = file or "stdout"
        self.behind = False  # the log lacks lines
        self.retry_at = 0.0
        self._failures = 0
        self._back_at = float("-inf")
        self._kept: deque[tuple[str, str]] = deque(maxlen=_KEPT)  # timestamp, line
        self._late = 0  # lines that the log got late
        self._dropped = 0

    @property
    def has_file(self) -> bool:
        """Whether stdout is not the log itself."""
        return self._file is not None

    def bound(self) -> Any:
        """A structlog logger that writes here."""
        return structlog.wrap_logger(
            _Lines(self),
            processors=[structlog.processors.add_log_level, _stamp, self._render],
            wrapper_class=structlog.make_filtering_bound_logger(self.level),
        )

    def _render(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
        return events.line(dict(event))

    def write(self, line: str) -> None:
        """A line that is kept nowhere else: now, or late; of too many the oldest are lost."""
        self.show(line)
        if self.behind or not self._offer(line):
            self._dropped += len(self._kept) == _KEPT
            self._kept.append((timestamp(), line))

    def finish(self, lines: Sequence[str]) -> int:
        """Lines of finished photos, which their caller keeps: how many of them the log has.

        Those that follow stdout has shown, where it is not the log.
        """
        for line in lines:
            self.show(line)
        if self.behind or not lines:
            return 0
        taken, error = self._log.write_all(lines)
        if error is not None:
            self._lost(error)
        return taken

    def repay(self, line: str) -> bool:
        """A line that the log lacks, in its turn; whether it has it now."""
        made = (events.parse(line) or {}).get("timestamp")
        if not self._give_kept(str(made or "")) or not self._offer(line):
            return False
        self._late += 1
        return True

    def caught_up(self) -> None:
        """Nobody keeps a line that the log lacks: give it what is kept here, and say so."""
        if not self.behind or not self._give_kept(None):
            return
        self.behind, self._back_at = False, time.monotonic()
        late, dropped, self._late, self._dropped = self._late, self._dropped, 0, 0
        self.bound().info("log.back", log=self._name, lines=late, dropped=dropped)

    def _give_kept(self, until: str | None) -> bool:
        """Give the log the lines kept here that were made before ``until`` (None: all)."""
        while self._kept and (until is None or self._kept[0][0] <= until):
            if not self._offer(self._kept[0][1]):
                return False
            self._kept.popleft()
            self._late += 1
        return True

    def show(self, line: str) -> None:
        """Show a line on stdout where the log is a file; what goes wrong there is let go."""
        if self._file is not None:
            with contextlib.suppress(OSError, ValueError):
                self._stdout.write(line)

    def _offer(self, line: str) -> bool:
        try:
            self._log.write(line)
        except (OSError, ValueError) as error:
            self._lost(error)
            return False
        return True

    def _lost(self, error: Exception) -> None:
        now = time.monotonic()
        news, self.behind = not self.behind, True
        if news and now - self._back_at > _LONGEST_PAUSE_S:
            self._failures = 0
        self.retry_at = now + min(2.0**self._failures, _LONGEST_PAUSE_S)
        self._failures += 1
        if news:
            says = getattr(error, "strerror", None) or str(error)
            why = f"{self._name}: {says}; what it lacks follows when it can be written again"
            event = {"log": self._name, "why": why, "level": "error", "timestamp": timestamp()}
            self.show(events.line({**event, "event": "log.lost"}))

    def tail(self) -> bytes | None:
        """The last megabyte of the log, where it can be read back; None: it does not answer."""
        try:
            return self._log.tail(_TAIL_BYTES)
        except TimeoutError as error:
            self._lost(error)
            return None
        except OSError:
            return b""

    def holds(self, line: str) -> bool:
        """Whether ``line`` is among the last megabyte written, where that can be looked up."""
        return line.encode("ascii") in (self.tail() or b"")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


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
