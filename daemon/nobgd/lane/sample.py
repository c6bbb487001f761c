"""What a file looks like from here, for another machine to compare; and files put there for it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat

from nobgd.fs import mounts, publish, tree
from nobgd.fs.faults import failure
from nobgd.values import Code, NobgdError
from nobgd.values.errands import Mark, Sample, sampled

_HEAD = 65_536  # bytes that are hashed


def sample(errand: Sample) -> int:
    """See `Sample`.  Raises NobgdError: VANISHED, UNSAFE, or the place's failure."""
    try:
        file = mounts.open_file(errand.inbox, errand.relpath, None)
        with os.fdopen(file, "rb", buffering=0) as stream:
            seen = os.fstat(file)
            if not stat.S_ISREG(seen.st_mode):
                raise NobgdError(Code.UNSAFE, f"{errand.relpath} is no plain file; move it away")
            head = hashlib.sha256(stream.read(_HEAD)).digest()
    except OSError as error:
        raise failure(error, f"cannot read {errand.relpath}") from error
    return sampled(head, seen.st_size, seen.st_mtime_ns)


def mark(errand: Mark) -> int:
    """See `Mark`.  Raises NobgdError or OSError for the place's failure."""
    with tree.within(errand.folder, mount=errand.mount) as folder:
        if errand.text is not None:
            try:
                return publish.write(folder, errand.name, [errand.text.encode()], replace=False)
            except publish.Taken:
                raise NobgdError(
                    Code.NAME_TAKEN,
                    f"{errand.folder} has a file {errand.name} already; it is tried again under"
                    " another name; stop the other worker if two speak as this machine",
                ) from None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(errand.name, dir_fd=folder)
    return 0
