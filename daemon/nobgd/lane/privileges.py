"""Give up root's capabilities for good: all of them, and the way to get them back.

Sources: capabilities(7), capset(2), prctl(2).
"""

from __future__ import annotations

import ctypes
import struct

DAC_OVERRIDE = 1  # to read and write what belongs to others
_VERSION_3 = 0x20080522
_DROP_FROM_BOUNDING, _AMBIENT, _CLEAR_ALL = 24, 47, 4  # prctl(2): PR_CAPBSET_DROP, PR_CAP_AMBIENT
_HIGHEST = 63  # the kernel has about 41, and says EINVAL for the others

_libc = ctypes.CDLL(None, use_errno=True)


def drop(keep: int | None = None) -> bool:
    """Give up every capability but ``keep`` in all sets, the bounding set too; True when done.

    This thread and those it starts: call it before there are others.  What remains effective
    is never passed on to a program, for none may be started.
    """
    for capability in range(_HIGHEST + 1):  # a plain user may not, and has no need to
        _libc.prctl(_DROP_FROM_BOUNDING, capability, 0, 0, 0)
    _libc.prctl(_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    header = struct.pack("=Ii", _VERSION_3, 0)
    sets = ctypes.create_string_buffer(24)  # effective, permitted, inheritable; then the high words
    if _libc.capget(header, sets) != 0:
        return False
    effective, permitted = struct.unpack_from("=II", sets.raw)
    kept = 0 if keep is None else 1 << keep
    left = struct.pack("=6I", effective & kept, permitted & kept, 0, 0, 0, 0)
    return bool(_libc.capset(header, left) == 0)
