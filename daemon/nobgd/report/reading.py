"""Log files, plain, rotated or compressed, standard input or the journal, to raw lines.

Streaming: one line at a time.  What cannot be read is named and the rest is used.
"""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_ROTATED = re.compile(r"^(?P<name>.+?)(?:[.-](?P<number>\d+))?(?P<packed>\.gz|\.zst)?$")
_LONGEST_LINE = 1 << 20
_NAMES = (".log", ".json", ".jsonl", ".ndjson")


def files(path: Path) -> list[Path]:
    """The log files that ``path`` means: itself, or those of a folder, oldest first."""
    if not path.is_dir():
        return [path]
    found = [each for each in path.iterdir() if each.is_file() and _is_log(each.name)]
    return sorted(found, key=_age)


def _is_log(name: str) -> bool:
    match = _ROTATED.match(name)
    return bool(match and any(suffix in match["name"] for suffix in _NAMES))


def _age(path: Path) -> tuple[float, int, str]:
    """Rotation changes no time of change; of equal ones the higher number is older."""
    match = _ROTATED.match(path.name)
    number = int(match["number"]) if match and match["number"] else 0
    return path.stat().st_mtime, -number, path.name


def lines(path: Path, complain: Callable[[str], None]) -> Iterator[bytes]:
    """The lines of one file; ``-`` is standard input."""
    try:
        with _opened(path) as stream:
            yield from _bounded(stream)
    except FileNotFoundError:
        complain(f"{path}: there is no such file; see log.file in the configuration")
    except PermissionError:
        complain(f"{path}: may not be read by this user; ask as the daemon's user or group")
    except (OSError, EOFError, zlib.error, zstd.ZstdError) as error:
        complain(f"{path}: reading stopped: {error}; the records before were used")


def _opened(path: Path) -> IO[bytes]:
    if str(path) == "-":
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    stream = open(path, "rb")  # noqa: SIM115 - closed by whoever reads
    magic = stream.peek(4)[:4]
    if magic[:2] == b"\x1f\x8b":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    if magic == b"\x28\xb5\x2f\xfd":
        return cast("IO[bytes]", zstd.ZstdFile(stream))
    return stream


def _bounded(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines; of one that never ends only the first megabyte, which then counts as foreign."""
    while line := stream.readline(_LONGEST_LINE):
        yield line
        while len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            line = stream.readline(_LONGEST_LINE)


def journal(unit: str, complain: Callable[[str], None]) -> Iterator[bytes]:
    """What a unit has said to systemd's journal."""
    command = ["journalctl", "--unit", unit, "--output", "cat", "--no-pager", "--quiet"]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        complain(f"journalctl: {error.strerror}; give the log file instead")
        return
    assert process.stdout is not None  # noqa: S101 - asked for
    assert process.stderr is not None  # noqa: S101 - asked for
    yield from _bounded(process.stdout)
    said = process.stderr.read().decode(errors="replace").strip()
    if process.wait():
        complain(f"journalctl: {said.splitlines()[-1] if said else 'failed'}")
