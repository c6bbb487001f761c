"""``python -m nobgd``, and the command ``nobgd``."""

import gc
import sys

from nobgd.cli import main

_ALLOCATIONS = 10_000  # between two looks for cycles; Python's own 700 are for smaller programs


def run() -> int:
    """One verb in a process of its own; its exit code.

    What is imported stays until the end: to look through it for cycles again and again, and once
    more on the way out, took a sixth of a start's time.
    """
    gc.set_threshold(_ALLOCATIONS)
    try:
        return main()
    finally:
        gc.freeze()


if __name__ == "__main__":
    sys.exit(run())
