"""Look at one folder as the user we are: ``python -m nobgd.doctor.probe JSON``, JSON back.

What it tries, nobgd does for every photo: a temporary file, fsync, rename without
clobbering, fsync of the folder.  Everything it made is taken away again.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
import time
import unicodedata
from typing import Any

from nobgd.fs import mounts, publish, tree
from nobgd.fs.faults import failure
from nobgd.values import NobgdError

_WALK_S = 5.0
_NAME = ".nobgd-doctor-"


def look(path: str, *, write: bool, count: bool, mode: str = "auto") -> dict[str, Any]:
    """What is to be said of a folder.  ``error`` is a sentence and ends the examination."""
    found: dict[str, Any] = {}
    try:
        if not os.path.isdir(path):
            os.stat(path)
            return {"error": "is not a folder"}
        mount = mounts.identify(path)
        found |= {"fstype": mount.fstype, "source": mount.source, "mountpoint": mount.mountpoint}
        found |= {"network": mount.network, "options": mounts.options(mount)}
        if (why := mounts.unmounted(path)) is not None:
            return {**found, "error": why, "unmounted": True}
        found["strategy"] = mounts.strategy(mount, mode)[0]
        with os.scandir(path) as entries:
            next(entries, None)
        room = os.statvfs(path)
        found["free_mb"] = room.f_bavail * room.f_frsize / 1e6
        found["no_inodes"] = room.f_files > 0 and room.f_favail == 0
        if write:
            found |= _write(path)
        if count:
            found["folders"] = _count(path)
    except FileNotFoundError:
        made_in = _may_make_in(path)
        return {**found, "error": "is missing", "missing": True, "may_make_in": made_in}
    except PermissionError as error:
        return {**found, "error": failure(error, "cannot be entered").reason, "forbidden": True}
    except OSError as error:
        return {**found, "error": failure(error, "cannot be used").reason}
    except NobgdError as error:
        return {**found, "error": error.reason, "forbidden": error.code == "forbidden"}
    return found


def _may_make_in(path: str) -> str | None:
    """The folder in which ``path``, or what leads to it, can be made; None: it cannot."""
    try:
        if mounts.unmounted(path) is not None:
            return None
    except OSError:
        return None
    above = os.path.dirname(path)
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    may = os.path.isdir(above) and os.access(above, os.W_OK | os.X_OK)
    return above if may else None


def _write(path: str) -> dict[str, Any]:
    name = f"{_NAME}{secrets.token_hex(6)}é"
    found: dict[str, Any] = {}
    with tree.within(path) as folder:
        began = time.time()
        publish.write(folder, name, [b"nobgd looks whether this works"], replace=False)
        try:
            stored = os.stat(name, dir_fd=folder)
            found["clock_s"] = stored.st_mtime - (began + time.time()) / 2
            found["caseless"] = publish.exists(folder, name.upper())
            names = os.listdir(folder)
            if name not in names:
                decomposed = unicodedata.normalize("NFD", name)
                found["decomposes"] = decomposed in names
                found["mangles"] = decomposed not in names
        finally:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=folder)
    return found


def _count(path: str) -> int:
    until, folders = time.monotonic() + _WALK_S, 1
    for _, below, _ in os.walk(path):
        folders += len(below)
        if time.monotonic() > until:
            break
    return folders


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look(**json.loads(sys.argv[1]))))
