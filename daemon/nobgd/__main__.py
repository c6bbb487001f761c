"""``python -m nobgd``, and the command ``nobgd``."""

import gc
import os
import sys

from nobgd.cli import main

_ALLOCATIONS = 10_000  # between two looks for cycles; Python's own 700 are for smaller programs


def run() -> int:
    """One verb in a process of its own; its exit code.

    What is imported stays until the end: to look through it for cycles again and again, and once
    more on the way out, took a sixth of a start's time.
    """
    gc.set_threshold(_ALLOCATIONS)
    _open_what_is_closed()
    try:
        return main()
    finally:
        gc.freeze()


def _open_what_is_closed() -> None:
    """`nobgd … >&-`: else the next file opened, the ledger say, would be stdout (POSIX, open)."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(number, True)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - until the end
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


if __name__ == "__main__":
    sys.exit(run())
