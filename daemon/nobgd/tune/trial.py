"""One trial, ``python -m nobgd.tune.trial``: a pickled `Order` on stdin, JSON on stdout.

It measures what the model process would do: so many threads that ask, each for one photo at a
time; or one, for so many photos as a batch.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import threading
import time
from dataclasses import dataclass

import numpy as np

from nobgd.inference.models import Models
from nobgd.values import wire


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be measured."""

    weights: wire.Weights
    cache_dir: str
    at_a_time: int
    threads: int  # of each inference
    work: str  # a folder: feeds.npy, (N, 3, S, S) float32, in; masks.npy, (N, S, S), out
    seconds: float
    together: bool = False  # one thread asks, for so many photos as one batch


def main() -> int:
    """See the module."""
    order: Order = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
    said = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    feeds = np.load(f"{order.work}/feeds.npy")
    side = order.weights.input_size
    masks = np.zeros((len(feeds), side, side), np.float32)
    held = Models([order.weights], order.cache_dir, max(order.threads, order.at_a_time))
    masks[0] = held.run(0, feeds[:1], order.threads)[0]  # opened, and warm
    end, done, lock = time.monotonic() + order.seconds, 0, threading.Lock()
    began = time.monotonic()

    each, askers = (order.at_a_time, 1) if order.together else (1, order.at_a_time)

    def ask() -> None:
        nonlocal done
        while True:
            with lock:
                number = done
                done += each
            if number >= len(feeds) and time.monotonic() > end:
                with lock:
                    done -= each
                return
            which = [(number + one) % len(feeds) for one in range(each)]
            masks[which] = held.run(0, feeds[which], order.threads)

    threads = [threading.Thread(target=ask) for _ in range(askers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    np.save(f"{order.work}/masks.npy", masks)
    answer = {"per_minute": 60 * done / took, "memory_mb": _pss_mb()}
    os.write(said, json.dumps(answer).encode())
    return 0


def _pss_mb() -> float:
    """Of this process, in MB of 10^6 bytes (proc(5), smaps_rollup)."""
    with open("/proc/self/smaps_rollup", encoding="ascii") as file:
        found = next(line for line in file if line.startswith("Pss:"))
    return int(found.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
