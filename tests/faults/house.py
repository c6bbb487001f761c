"""A real daemon on folders of its own, and what must be true of them afterwards.

The invariants I1 to I6 are checked from what is on disk and in the log, with what a row knows
of the files it dropped: nothing the daemon says is believed that can be looked at.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from faults import refuges
from faults.outputs import apart, without_note
from nobgd.fs import publish
from nobgd.jobs import plan
from nobgd.picture import provenance
from nobgd.record.events import HERE

ENDS = ("photo.done", "photo.quarantined", "photo.skipped")


_HELD_S = 3.0  # a process that ends is for a moment what one that is held stays


class Stuck(Exception):  # noqa: N818 - a finding
    """Something that had to happen did not."""


def _in_the_kernel(pid: int) -> bool:
    """Whether all that is left of a process are dead threads and such as cannot be ended."""
    states = []
    for task in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):
            states.append(task.read_text().rpartition(")")[2].split()[0])
    return "D" in states and "Z" in states and set(states) <= set("DZX")


def until(what: Callable[[], object], limit_s: float, sentence: str) -> None:
    """Wait for another process with a limit; raises `Stuck`."""
    end = time.monotonic() + limit_s
    while not what():
        if time.monotonic() > end:
            raise Stuck(f"not within {limit_s:.0f} s: {sentence}")
        time.sleep(0.03)


def children(pid: int, module: str = "nobgd.lane.process") -> list[int]:
    """The processes of a daemon that run ``module``: its lanes, or its model process."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):  # a thread that has just ended
                said = Path(f"/proc/{pid}/task/{task}/children").read_text()
                found.update(map(int, said.split()))
    return [each for each in sorted(found) if module in _command(each)]


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return []


class House:
    """`nobgd run` with in, out, state and outside below one folder."""

    def __init__(self, root: Path, cache: Path, **settings: Any) -> None:
        self.root, self.inbox, self.outbox = root, root / "in", root / "out"
        self.environment: dict[str, str] = {}  # besides that of this process
        self.program = "nobgd"
        self.state, self.outside = root / "state", root / "outside"
        self.log, self.errors = root / "log.jsonl", root / "stderr"
        for folder in (root, self.inbox, self.outbox, self.outside, cache):
            folder.mkdir(parents=True, exist_ok=True)
        inbox = {"path": "in", "outbox": "out", **settings.pop("inbox", {})}
        values = {
            "state_dir": "state",
            "cache_dir": str(cache),
            "model": {"name": "u2netp"},
            "watch": {"settle_s": 0.2, "rescan_s": 2, "poll_s": 0.3},
            "inboxes": [inbox],
            **settings,
        }
        rules = values["inboxes"]
        names = ("path", "outbox", "archive", "quarantine")
        found = {name: {root / each[name] for each in rules if each.get(name)} for name in names}
        self.inboxes, self.outboxes, self.archives, self.quarantines = found.values()
        self.quarantines.add(self.state / "quarantine")
        self.log.touch()
        self.config = root / "nobgd.yaml"
        self.config.write_text(json.dumps(values))
        self.process: subprocess.Popen[bytes] | None = None
        self.ends: dict[str, str] = {}  # source → its last closing event
        self.outputs: dict[str, str] = {}  # source → output
        self.done: Counter[str] = Counter()
        self.versions: Counter[tuple[str, str]] = Counter()  # (source, SHA-256) said to be done
        self.events: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.spoilt: Counter[str] = Counter()  # by source: cut-outs that were made anew
        self.elsewhere: Counter[str] = Counter()  # "masks" and "photos" of other machines
        self.last: dict[str, dict[str, Any]] = {}
        self.unparsable: list[str] = []
        self.words = refuges.Words()
        self.held: list[subprocess.Popen[bytes]] = []  # ended, but for what a share holds
        self.foreign: set[str] = set()  # names like nobgd's own temps that a row itself makes
        self._at = 0
        self._rest = b""

    def __enter__(self) -> House:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def spawn(self) -> None:
        """Start it."""
        environment = {key: value for key, value in os.environ.items() if key != "CI"}
        environment.pop("NOTIFY_SOCKET", None)
        environment.update(self.environment)
        with self.log.open("ab") as log, self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.program, "run", "-c", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=errors, env=environment,
            )  # fmt: skip

    def start(self) -> House:
        """Start it and wait until it is ready."""
        before = self.listen().events["service.ready"]
        self.spawn()
        until(
            lambda: self.dead() or self.listen().events["service.ready"] > before, 180,
            "the daemon is ready",
        )  # fmt: skip
        if self.dead():
            raise Stuck(f"the daemon ended at its start: {self.errors.read_text()[-500:]}")
        return self

    def dead(self) -> bool:
        """Whether the daemon has ended."""
        return self.process is None or self.process.poll() is not None

    def stop(self) -> None:
        """SIGTERM, and wait.  Raises Stuck where it does not end.

        A process that has ended but for threads that the kernel does not let go of, as a share
        does not answer them, goes to `held`: nothing of it runs any more, another can start.
        """
        if self.process is not None and not self.dead():
            self.process.send_signal(signal.SIGTERM)
            end, held_since = time.monotonic() + 100, math.inf
            while not self.dead():
                now = time.monotonic()
                held_since = min(held_since, now) if _in_the_kernel(self.process.pid) else math.inf
                if now - held_since > _HELD_S:
                    self.held.append(self.process)
                    self.process = None
                    break
                if now > end:
                    raise Stuck("the daemon does not stop within 100 s")
                time.sleep(0.1)
        self.listen()

    def kill(self) -> None:
        """End it now, if it runs."""
        if self.process is not None and not self.dead():
            self.process.kill()
            self.process.wait(30)

    def listen(self) -> House:
        """Take in the log lines written since the last call."""
        with self.log.open("rb") as stream:
            stream.seek(self._at)
            data = stream.read()
        self._at += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            try:
                event = json.loads(line)
                name = event["event"]
            except (ValueError, KeyError, TypeError):
                self.unparsable.append(repr(line[:200]))
                continue
            self.events[name] += 1
            self.last[name] = event
            self.words.hear(event)
            if name in ENDS:
                self.ends[event["source"]] = name
            if name == "photo.done":
                self.outputs[event["source"]] = event["output"]
                self.done[event["source"]] += 1
                self.versions[event["source"], event["sha256"]] += 1
                if event["host"] != HERE:
                    self.elsewhere["masks" if "think_ms" in event else "photos"] += 1
            if name == "photo.spoilt":
                self.spoilt[event["source"]] += 1
            if "code" in event:
                self.codes[f"{name} {event['code']}"] += 1
        return self

    def path(self, relpath: str) -> str:
        """How the log calls a source."""
        return os.path.join(str(self.inbox), relpath)

    def await_ends(self, relpaths: Iterable[str], limit_s: float) -> list[str]:
        """Wait until each source is done, quarantined or skipped; those that are not."""
        left = {self.path(each) for each in relpaths}
        end = time.monotonic() + limit_s
        while left:
            left -= self.listen().ends.keys() & left
            if self.dead() or time.monotonic() > end:
                break
            time.sleep(0.05 if left else 0)
        return sorted(left)

    def await_versions(self, inputs: dict[str, str], limit_s: float) -> list[str]:
        """Wait until these very bytes are said to be done; the sources of which they are not.

        ``inputs`` is the name and the SHA-256 of each.
        """
        left, end = dict(inputs), time.monotonic() + limit_s
        while left and time.monotonic() < end and not self.dead():
            self.listen()
            left = {n: sha for n, sha in left.items() if not self.versions[self.path(n), sha]}
            time.sleep(0.05 if left else 0)
        return [self.path(name) for name in left]

    def forget(self) -> None:
        """Begin to wait for new endings of names that had one.

        A name that is no photo's is told once, ever: its ending stays.
        """
        ends = self.listen().ends
        self.ends = {
            source: end
            for source, end in ends.items()
            if end == "photo.skipped" and plan.refusal(source) is not None
        }


class Checks:
    """I1 to I6 over the life of one house; `violations` says in words what does not hold."""

    def __init__(self, house: House, apart: Iterable[str] = ()) -> None:
        """Look at what is outside now; `apart` are names in it that the row itself changes."""
        self.house = house
        self._apart = {"in", "out", "state", "log.jsonl", "stderr", house.config.name, *apart}
        self.pictures: dict[str, bytes] = {}  # source's SHA-256 → its first output, without note
        self.before = self._others()

    def _others(self) -> dict[str, tuple[int, int]]:
        """Everything that the daemon has no business with."""
        house, found = self.house, {}
        for name in os.listdir(house.root):
            if name in self._apart:
                continue
            top = os.path.join(house.root, name)
            found[top] = _stamp(top)
            for folder, folders, files in os.walk(top):
                for each in (*folders, *files):
                    path = os.path.join(folder, each)
                    found[path] = _stamp(path)
        return found

    def violations(self, inputs: dict[str, str], *, drained: bool = True) -> list[str]:
        """What does not hold; ``inputs`` is the name and the SHA-256 of each dropped file."""
        house, wrong = self.house.listen(), []
        if house.dead():
            wrong.append("the daemon has died")
        for relpath, digest in inputs.items():  # I1, I3
            source = house.path(relpath)
            if drained and source not in house.ends:
                wrong.append(f"I1: {relpath!r} has no ending")
            with contextlib.suppress(OSError):
                if digest and sha256(source) != digest:
                    wrong.append(f"I3: {relpath!r} was changed")
            if house.ends.get(source) == "photo.done":
                wrong += self._output(relpath, house.outputs[source], digest)
        wrong += [f"I5: no JSON: {line}" for line in house.unparsable]
        house.unparsable.clear()
        if drained:
            wrong += refuges.left(house) + refuges.doubles(house)
            wrong += house.words.broken(house, inputs)
        wrong += house.words.repeated()
        after = self._others()
        if after != self.before:  # I6
            changed = sorted(dict(after.items() ^ self.before.items()))
            wrong.append(f"I6: written outside: {changed[:5]!r}")
            self.before = after
        return wrong

    def _output(self, relpath: str, output: str, digest: str) -> list[str]:
        if not output.startswith(str(self.house.outbox) + "/"):
            return [f"I6: {output!r} is not in the outbox"]
        return self.picture(relpath, output, digest)

    def picture(self, relpath: str, output: str, digest: str) -> list[str]:
        """I2: complete, from this source, and the picture that these bytes always give."""
        try:
            with open(output, "rb") as stream:
                data = stream.read()
                said = provenance.find(data[: provenance.HEAD_BYTES])
                stream.seek(0)
                if said is None or not provenance.whole(stream):
                    return [f"I2: {output!r} is not whole"]
        except OSError as error:
            return [f"I2: {output!r} cannot be read: {error}"]
        if said.source != relpath or (digest and said.sha256 != digest):
            return [f"I2: {output!r} was made from {said.source!r}, not from {relpath!r}"]
        made = without_note(data)
        first = self.pictures.setdefault(said.sha256, made)
        if (how := apart(first, made)) is not None:
            return [f"I2: {output!r} differs from the output of the same bytes {how}"]
        return []


def _stamp(path: str) -> tuple[int, int]:
    info = os.lstat(path)
    return info.st_size, info.st_mtime_ns


def sha256(path: str | Path) -> str:
    """Of a plain file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def left_temps(folder: Path) -> list[str]:
    """Temporary files that stay: one that is there for a moment is a probe or a write."""
    with contextlib.suppress(Stuck):
        until(lambda: not temps(folder), 10, "the temporary files leave")
    return temps(folder)


def temps(folder: Path) -> list[str]:
    """Names of temporary files anywhere below."""
    return [name for _, _, files in os.walk(folder) for name in files if publish.is_temp(name)]
