"""How fine the times of files are that two machines both see; pure.

An ext4 keeps nanoseconds, CIFS tens of them to the hundred, a FAT two seconds.  What one machine
saw of a photo is the same as what another sees if both are cut to the coarser one's grain.
"""

from __future__ import annotations

from collections.abc import Iterable

GRAINS = (1, 100, 1_000, 1_000_000, 1_000_000_000, 2_000_000_000)  # nanoseconds


def common(pairs: Iterable[tuple[int, int]]) -> int | None:
    """The finest grain by which the times of all these files agree, in ns; None: by none."""
    every = list(pairs)
    fits = (grain for grain in GRAINS if all(one // grain == two // grain for one, two in every))
    return next(fits, None)


def said(grain: int) -> str:
    """In words: `1 ns`, `100 ns`, `1 µs`, `2 s`."""
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000)):
        if grain >= size:
            return f"{grain // size} {unit}"
    return f"{grain} ns"
