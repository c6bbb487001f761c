"""What a file that is not named like a photo is by its first bytes, so that its owner is told."""

from __future__ import annotations

import os
import stat

from nobgd.fs import mounts
from nobgd.fs.faults import failure
from nobgd.picture.kinds import FORMATS, kind_of
from nobgd.values import NobgdError
from nobgd.values.errands import Peek

_HEAD_BYTES = 4096


def peek(errand: Peek) -> int:
    """See `Peek`.  Raises `NobgdError` when the file cannot be read."""
    try:
        file = mounts.open_file(errand.inbox, errand.relpath, errand.mount)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return -1
            head = os.read(file, _HEAD_BYTES)
        finally:
            os.close(file)
    except OSError as error:
        raise failure(error, f"cannot read {errand.relpath}") from error
    try:
        return FORMATS.index(kind_of(head))
    except NobgdError:
        return -1
