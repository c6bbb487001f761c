"""Is a model file what it should be?  Read whole once, then remembered by the file's identity."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nobgd.models.manifest import ModelError
from nobgd.models.places import ModelFile

_BLOCK = 1 << 20
_REMEMBERED = 64  # files; the oldest are forgotten


def verify(model: ModelFile, memory: Path) -> None:
    """Refuse a file whose SHA-256 is not the expected one with a `ModelError`.

    ``memory`` is a JSON file, or a folder to keep ``verified.json`` in.  A file with the same
    device, inode, size, mtime and ctime as one that was read before is not read again.
    """
    if memory.is_dir():
        memory = memory / "verified.json"
    try:
        with open(model.path, "rb") as stream:
            identity = _identity(os.fstat(stream.fileno()))
            known = _recall(memory)
            found = known.get(identity)
            if found is None:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
                if _identity(os.fstat(stream.fileno())) == identity:
                    _remember(memory, {**known, identity: found})
    except OSError as error:
        raise ModelError(
            f"{model.path}: cannot be read ({error.strerror}); get it with"
            f" `nobgd models fetch {model.spec.name}`"
        ) from error
    if found != model.sha256:
        verb = "quantize" if model.precision == "int8" else "fetch"
        raise ModelError(
            f"{model.path}: altered, its SHA-256 is {found} and should be {model.sha256};"
            f" remove it and run `nobgd models {verb} {model.spec.name}`"
        )


def checksum(path: Path, progress: Callable[[int], None] | None = None) -> str:
    """The SHA-256 of a file, lower-case hex; ``progress`` is told the bytes read so far."""
    digest, done = hashlib.sha256(), 0
    with open(path, "rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            done += len(block)
            if progress:
                progress(done)
    return digest.hexdigest()


def _identity(stat: os.stat_result) -> str:
    parts = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    return ":".join(map(str, parts))


def _recall(memory: Path) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        known: Any = json.loads(memory.read_text("utf-8"))
        if isinstance(known, dict):
            return {str(key): str(value) for key, value in known.items()}
    return {}


def _remember(memory: Path, known: dict[str, str]) -> None:
    """Best effort: where it cannot be written, the file is read again next time."""
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        kept = dict(list(known.items())[-_REMEMBERED:])
        handle, name = tempfile.mkstemp(prefix=".verified-", dir=memory.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(kept, stream, indent=1)
            os.replace(name, memory)
        except OSError:
            os.unlink(name)
            raise
