"""The server itself: which one is installed, whether it does, and telling it to read anew.

nobgd never fetches it; it comes from the user's package manager, image or bundle.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from nobgd.broker.folder import Folder

PROGRAM = "nats-server"
UNIT = "nobgd-broker.service"
LEAST = "2.12.7"
# 2.12 brought pulls by priority; CVE-2026-58253 was closed in 2.12.7 and 2.14.0
_GOOD = (((2, 12, 7), (2, 13, 0)), ((2, 14, 0), (3, 0, 0)))
WHERE = (
    "Debian 14's package nats-server, the image nats:2.14 or newer, or a release of"
    " github.com/nats-io/nats-server"
)
_WAIT_S = 10.0


def find() -> str | None:
    """The program's path; Debian puts it where a user's PATH does not look."""
    path = os.environ.get("PATH", os.defpath)
    return shutil.which(PROGRAM, path=f"{path}:/usr/local/sbin:/usr/sbin:/sbin")


def version(program: str) -> str | None:
    """As it says itself, "2.15.1"; None if it says nothing of the kind."""
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=_WAIT_S, check=False
        ).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    found = re.search(r"v(\d+\.\d+\.\d+)", said)
    return found[1] if found else None


def does(version: str) -> bool:
    """Whether this version is known to do, and has no hole that is known."""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", version)
    if found is None:
        return False
    numbers = tuple(map(int, found.groups()))
    return any(first <= numbers < end for first, end in _GOOD)


def wrong() -> str | None:
    """Why the server that is installed here does not do; a sentence with the way out."""
    program = find()
    if program is None:
        return f"{PROGRAM} is not installed; it comes as {WHERE}; {LEAST} at least"
    found = version(program)
    if found is None:
        return f"{program} does not say its version; install {WHERE}"
    if not does(found):
        return f"{program} is {found}, and {LEAST} or 2.14 is needed at least; install {WHERE}"
    return None


def complaint(folder: Folder) -> str | None:
    """What the server has against its configuration; None if nothing, or there is no server."""
    program = find()
    if program is None:
        return None
    said = subprocess.run(
        [program, "-t", "-c", str(folder.conf)],
        capture_output=True, text=True, timeout=_WAIT_S, check=False,
    )  # fmt: skip
    return None if said.returncode == 0 else (said.stderr or said.stdout).strip()


def reload(folder: Folder) -> bool:
    """Have a running server read its files anew; False where none runs here.

    It ends the connections of machines that are not in them any more.  Raises OSError.
    """
    if folder.gid is not None and os.path.isdir("/run/systemd/system"):
        active = subprocess.run(["systemctl", "is-active", "--quiet", UNIT], check=False)
        if active.returncode == 0:
            subprocess.run(["systemctl", "reload", UNIT], check=True, timeout=_WAIT_S)
            return True
    number = running(folder)
    if number is not None:
        os.kill(number, signal.SIGHUP)
    return number is not None


def running(folder: Folder) -> int | None:
    """The process that reads this configuration, by the file that it wrote its number into."""
    with contextlib.suppress(OSError, ValueError):
        number = int(folder.pid_file.read_text(encoding="ascii"))
        words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        if os.fsencode(PROGRAM) in os.path.basename(words[0]):
            return number
    return None
