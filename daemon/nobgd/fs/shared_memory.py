"""Memory that two processes share by a descriptor, of a size that neither can change.

It is sealed (memfd_create(2), fcntl(2) F_ADD_SEALS): a process that has it mapped cannot be ended
by another that makes it shorter.
"""

from __future__ import annotations

import fcntl
import mmap
import os

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def create(size: int) -> int:
    """A descriptor of ``size`` bytes of zeros; they take memory only once they are touched."""
    descriptor = os.memfd_create("nobgd", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, size)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def mapped(descriptor: int, size: int) -> mmap.mmap:
    """The memory behind ``descriptor``.

    Raises ValueError where it is not of ``size`` bytes for good, OSError where it is no memory.
    """
    if fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & _SEALS != _SEALS:
        raise ValueError("shared memory that could be made shorter")
    if os.fstat(descriptor).st_size != size:
        raise ValueError(f"shared memory of another size than {size} bytes")
    return mmap.mmap(descriptor, size)
