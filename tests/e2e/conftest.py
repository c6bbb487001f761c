"""A real daemon as a process of its own, on folders of its own, with real weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image

from nobgd.record import fields, schema

PATIENCE_S = 60.0
VALIDATOR = jsonschema.Draft202012Validator(schema.schema())  # for every line of every test here


def await_true(what: Callable[[], object], limit_s: float = PATIENCE_S) -> None:
    """Wait for a condition with a limit; what is waited for is another process."""
    until = time.monotonic() + limit_s
    while not what():
        if time.monotonic() > until:
            pytest.fail(f"not within {limit_s:.0f} s: {what.__doc__ or what}")
        time.sleep(0.05)


class Daemon:
    """`nobgd run` on in → out below a folder."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.root = root
        self.inbox, self.outbox = root / "in", root / "out"
        self.log = root / "stdout.jsonl"
        self.config = root / "nobgd.yaml"
        inbox = {"path": "in", "outbox": "out", **settings.pop("inbox", {})}
        values = {
            "state_dir": "state",
            "cache_dir": settings.pop("cache_dir", "cache"),
            "model": {"name": "u2netp"},
            "watch": {"settle_s": 0.4},
            "inboxes": [inbox],
            **settings,
        }
        self.config.write_text(json.dumps(values))  # JSON is YAML
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> Daemon:
        environment = {k: v for k, v in os.environ.items() if k != "CI"}
        with self.log.open("ab") as log, (self.root / "stderr").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nobgd", "run", "-c", str(self.config)],
                stdout=log, stderr=errors, env=environment,
            )  # fmt: skip
        if wait:
            before = len(self.events("service.ready"))
            await_true(lambda: self.ended() or len(self.events("service.ready")) > before)
        return self

    @staticmethod
    def until(what: Callable[[], object], limit_s: float = PATIENCE_S) -> None:
        await_true(what, limit_s)

    def ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        lines = self.log.read_bytes().splitlines(keepends=True) if self.log.exists() else []
        every = [json.loads(line) for line in lines if line.endswith(b"\n")]
        return [event for event in every if name in (None, event["event"])]

    def await_done(self, count: int, limit_s: float = PATIENCE_S) -> list[dict[str, Any]]:
        needle = b'"event": "photo.done"'
        await_true(lambda: self.log.read_bytes().count(needle) >= count, limit_s)
        return self.events("photo.done")

    def outputs(self) -> list[str]:
        return sorted(str(p.relative_to(self.outbox)) for p in self.outbox.rglob("*.png"))

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def verb(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "nobgd", words[0], "-c", str(self.config), *words[1:]],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Optimising the model once is enough."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def daemon(tmp_path: Path, shared_cache: Path) -> Iterator[Callable[..., Daemon]]:
    """Make daemons; what still runs at the end is killed."""
    made: list[Daemon] = []

    def make(**settings: Any) -> Daemon:
        (tmp_path / "in").mkdir(exist_ok=True)
        made.append(Daemon(tmp_path, **{"cache_dir": str(shared_cache), **settings}))
        return made[-1]

    yield make
    for each in made:
        if each.process is not None and not each.ended():
            each.kill()
        for event in each.events():
            VALIDATOR.validate(event)
            assert event["event"] in schema.EVENTS, event
            assert event.keys() <= fields.FIELDS.keys(), event


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real photo: scikit-image's coffee cup, as a JPEG."""
    import skimage

    source = Path(skimage.__file__).parent / "data/coffee.png"
    target = tmp_path_factory.mktemp("photo") / "coffee.jpg"
    with Image.open(source) as picture:
        picture.save(target, quality=90)
    return target
