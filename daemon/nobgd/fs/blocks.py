"""Small pieces in large blocks: some file systems ask a server, or a process, for each write.

A cut-out comes in hundreds of pieces.  A file system in user space (sshfs, mergerfs, Unraid's
shares) has each write travel by itself, and asks for an attribute before it; a local disk does not
care.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

BLOCK = 1 << 20  # bytes: the most that FUSE, and NFS as it is mounted by default, take at once


def blocks(parts: Iterable[bytes | memoryview], size: int = BLOCK) -> Iterator[memoryview]:
    """The bytes of ``parts`` in their order, in multiples of ``size``; the last has the rest."""
    waiting: list[memoryview] = []
    count = 0
    for part in parts:
        view = memoryview(part).cast("B")
        count += len(view)
        if count < size:
            waiting.append(view)
            continue
        data = memoryview(b"".join([*waiting, view])) if waiting else view
        whole = count - count % size
        yield data[:whole]
        waiting, count = [data[whole:]], count - whole
    if count:
        yield memoryview(b"".join(waiting))
