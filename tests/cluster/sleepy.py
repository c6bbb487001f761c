"""A daemon and a worker whose models sleep, with folders that both have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from cluster.broker import TESTS, Broker
from e2e.conftest import Daemon
from faults.house import House
from nobgd.picture import provenance

LEASE_S = 3


class Sleepy(Daemon):
    """`nobgd run` whose model only sleeps a moment; see `sleeper`."""

    def __init__(
        self, root: Path, broker: Broker, *, deadline_s: float = 20, **settings: Any
    ) -> None:
        for name in ("in", "out"):
            (root / name).mkdir(exist_ok=True)
        cluster = {
            "join": str(broker.home), "shares": {"in": "in", "out": "out"}, "lease_s": LEASE_S,
        }  # fmt: skip
        workers = {"count": 1, "infer": 1, "threads": 1, "deadline_s": deadline_s}
        super().__init__(root, cluster=cluster, workers=workers, **settings)
        (root / "sleep").write_text("0.02")
        self._number = 0

    def start(self, *, wait: bool = True) -> Daemon:
        environment = {
            **os.environ, "SLEEP_FILE": str(self.root / "sleep"), "PYTHONPATH": TESTS, "RAW": "1",
        }  # fmt: skip
        environment.pop("CI", None)
        before = len(self.events("service.ready"))
        with self.log.open("ab") as log, (self.root / "stderr").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cluster.sleeper", "run", "-c", str(self.config)],
                stdout=log, stderr=errors, env=environment,
            )  # fmt: skip
        if wait:
            self.until(lambda: self.ended() or len(self.events("service.ready")) > before)
        return self

    def photo(self, name: str = "") -> str:
        """One more, unlike all others; its name."""
        self._number += 1
        name = name or f"{self._number}.jpg"
        part = self.inbox / f".{name}"
        colour = (self._number * 7 % 256, self._number * 13 % 256, 200)
        Image.new("RGB", (64, 48), colour).save(part, format="jpeg")
        part.rename(self.inbox / name)
        return name

    def note(self, name: str) -> provenance.Note:
        """What the output of a photo says of itself."""
        output = self.outbox / f"{Path(name).stem}_nobg.png"
        said = provenance.find(output.read_bytes()[: provenance.HEAD_BYTES])
        assert said is not None
        return said


def mounted(home: Daemon | House, there: Path) -> dict[str, str]:
    """The home's folders under other paths, as another machine has them."""
    there.mkdir()
    for name in ("in", "out"):
        (there / name).symlink_to(home.root / name)
    return {name: str(there / name) for name in ("in", "out")}
