"""The models of the configuration as the model process holds them: each once, opened when asked."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from nobgd.inference import engines
from nobgd.inference.engines import KINDS, Net
from nobgd.values import wire


class Models:
    """Nets by model and threads; thread-safe."""

    def __init__(
        self, weights: Sequence[wire.Weights], cache_dir: str, net_threads: int = 1
    ) -> None:
        self._weights = weights
        self._cache_dir = cache_dir
        self._net_threads = net_threads
        self._nets: dict[tuple[int, int], Net] = {}
        self._locks = [threading.Lock() for _ in weights]  # one is opened while another works

    def threads(self, which: int, threads: int) -> int:
        """How many threads an inference takes that may have ``threads``."""
        kind = KINDS[self._weights[which].engine]
        if kind.device:
            return 1  # that waits for it
        return self._net_threads if kind.fixed else threads

    def net(self, which: int, threads: int) -> Net:
        """The model at place ``which``, opened if need be: 0.02 to 0.5 s."""
        threads = self.threads(which, threads)
        with self._locks[which]:
            if (which, threads) not in self._nets:
                one = self._weights[which]
                self._nets[which, threads] = engines.load(one.engine).net(
                    one.path, one.sha256, self._cache_dir, threads
                )
            return self._nets[which, threads]

    def run(self, which: int, feed: Any, threads: int) -> Any:
        """Raw masks, (N, S, S) float32, of inputs, (N, 3, S, S) float32."""
        return self.net(which, threads)(feed)
