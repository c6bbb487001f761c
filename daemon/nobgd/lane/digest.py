"""The checksum of a photo's bytes, read piece by piece, to see whether they are those cut out."""

from __future__ import annotations

import hashlib
import os
import stat

from nobgd.fs import mounts
from nobgd.fs.faults import failure
from nobgd.values import Code, NobgdError
from nobgd.values.errands import Digest


def digest(errand: Digest) -> int:
    """See `Digest`.  Raises CHANGED when the file is not, or does not stay, what was seen."""
    try:
        file = mounts.open_file(errand.inbox, errand.relpath, errand.mount)
        with os.fdopen(file, "rb", buffering=0) as stream:
            before = os.fstat(file)
            seen = (errand.size, errand.mtime_ns)
            if not stat.S_ISREG(before.st_mode) or _look(before)[:2] != seen:
                raise NobgdError(
                    Code.CHANGED,
                    f"{errand.relpath} has changed since it was seen; it is looked at again",
                )
            found = hashlib.file_digest(stream, "sha256").hexdigest()
            if _look(os.fstat(file)) != _look(before):
                raise NobgdError(
                    Code.CHANGED,
                    f"{errand.relpath} changed while it was read; it is looked at again",
                )
    except OSError as error:
        raise failure(error, f"cannot read {errand.relpath}") from error
    return int(found, 16)


def _look(info: os.stat_result) -> tuple[int, int, int]:
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns
