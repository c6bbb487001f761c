"""A lane that lies: ``python -m faults.liar FD`` speaks on the line as a captured lane might.

What it says of a job follows from the job's name, ``LIE-SEED.jpg``: so a lie can be told again.
"""

# ruff: noqa: ARG002 - every lie has the same arguments
from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import struct
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from nobgd.values import Code, Done, Failed, Job, Timing, wire

_SHA = hashlib.sha256(b"of the original").hexdigest()
_STRANGE: tuple[Any, ...] = (
    None, True, -1, 0.5, 1e308, float("nan"), float("inf"), 1 << 70, "x", "", "../../etc/passwd",
    "\0", "\udce9" * 5000, [], [[]], {}, {"a": {"b": []}}, ["x"] * 1000, "x" * 20_000,
)  # fmt: skip


def honest(job: Job) -> dict[str, Any]:
    """What a lane that did the job would say."""
    output = os.path.join(job.outbox, job.outputs[0])
    done = Done(
        job.inbox,
        job.relpath,
        output,
        _SHA,
        job.recipe.key,
        30,
        20,
        job.size,
        99,
        Timing(),
        engine="ncnn",
    )
    found: dict[str, Any] = json.loads(wire.pack(done, job.outbox))
    return found


class Liar:
    """One process's end of the line."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.line = Connection(descriptor)

    def say(self, message: Any) -> None:
        """One message."""
        self.line.send_bytes(json.dumps(message).encode())

    def raw(self, data: bytes) -> None:
        """Bytes, whatever they are."""
        while data:
            data = data[os.write(self.descriptor, data) :]

    # --- lies; each ends, or is ended by the supervisor ------------------------------------

    def identity(self, job: Job, draw: random.Random) -> None:
        """Somebody else's photo is said to be done."""
        body = honest(job)["done"]
        name, value = draw.choice(
            [("relpath", "victim.jpg"), ("inbox", "/elsewhere"), ("attempt", 1), ("recipe", "r"),
             ("model", "u2net"), ("precision", "int8")]
        )  # fmt: skip
        self.say({"done": body | {name: value}})

    def output(self, job: Job, draw: random.Random) -> None:
        """An output that is none of the job's."""
        names = ["victim_nobg.png", "", ".", "..", f"../{job.outputs[0]}", f"/{job.outputs[0]}",
                 f"./{job.outputs[0]}", f"sub/{job.outputs[0]}", f"{job.outputs[0]}\0",
                 3]  # fmt: skip
        self.say({"done": honest(job)["done"] | {"output": draw.choice(names)}})

    def field(self, job: Job, draw: random.Random) -> None:
        """A field that is strange, missing or one too many."""
        kind = draw.choice(["done", "done", "failed"])
        failed = json.loads(wire.pack(Failed("", "", Code.BROKEN, "why"), job.outbox))
        body = (honest(job) if kind == "done" else failed)[kind]
        name = draw.choice([*body, "another"])
        if draw.random() < 0.3:
            body.pop(name, None)
        else:
            body[name] = draw.choice(_STRANGE)
        if draw.random() < 0.2 and kind == "done":
            body["timing"] = draw.choice(
                [{}, {"read_ms": "1"}, honest(job)["done"]["timing"] | {"read_ms": float("nan")}]
            )
        self.say({kind: body})

    def kind(self, job: Job, draw: random.Random) -> None:
        """A message of no kind, out of turn, or none at all."""
        self.line.send_bytes(draw.choice([
            b"", b"\xff\xfe", b"[]", b"{}", b"null", b"7", b"[" * 200_000, b'{"a":' * 50_000,
            b'{"done": {}}', b'{"done": []}', b'{"failed": {"code": "nonsense"}}',
            b'{"errand": 1}', b'{"ready": []}', b'{"build": true}', b'{"unfit": "no"}',
            b'{"refused": {"code": "broken", "reason": ""}}', b'{"reopen": [0]}',
            b'{"stage": "lunch"}', b'{"ask": NaN}', b'{"ask": "much"}', b'{"ask": -1}',
            b'{"done": ' + b"9" * 5000 + b"}",
        ]))  # fmt: skip

    def gigabyte(self, job: Job, draw: random.Random) -> None:
        """A message of a gigabyte, or one that says it is."""
        size = draw.choice([1 << 30, (1 << 31) - 1, -1, -2, 300_000])
        self.raw(struct.pack("!i", size))
        for _ in range(1 << 10):
            self.raw(bytes(1 << 20))

    def chatter(self, job: Job, draw: random.Random) -> None:
        """The same message as fast as it goes."""
        what = draw.choice([{"stage": "infer"}, {"ask": 1}, {"ask": 900_000}, {"stage": "decode"}])
        while True:
            self.say(what)

    def trickle(self, job: Job, draw: random.Random) -> None:
        """Half a header or half a message, byte by byte, without an end."""
        data = struct.pack("!i", 100_000)
        self.raw(data[: draw.randint(1, 4)] if draw.random() < 0.5 else data + b'{"done":')
        while True:
            time.sleep(0.02)
            if draw.random() < 0.5:
                self.raw(b" ")

    def silence(self, job: Job, draw: random.Random) -> None:
        """Nothing until after the deadline, then the answer."""
        time.sleep(60)
        self.say(honest(job))

    def twice(self, job: Job, draw: random.Random) -> None:
        """A good answer, and at once another for whoever comes next."""
        self.say(honest(job))
        for _ in range(draw.randint(1, 5)):
            self.say(draw.choice([honest(job), {"stage": "open"}, {"errand": 0}]))

    def back(self, job: Job, draw: random.Random) -> None:
        """It says that it has not begun what it has, and ends."""
        self.say({"stage": "infer"})
        self.say({"stage": draw.choice(["open", "load", "read"])})

    def shut(self, job: Job, draw: random.Random) -> None:
        """Half an answer, and the end."""
        data = json.dumps(honest(job)).encode()
        self.raw(struct.pack("!i", len(data)) + data[: draw.randrange(len(data))])
        os._exit(draw.choice([0, 1, 3]))

    def truth(self, job: Job, draw: random.Random) -> None:
        """A good answer, as the control."""
        for stage in ("open", "load", "read", "publish", "decode", "infer", "publish", "confirm"):
            self.say({"stage": stage})
        self.say(honest(job))


LIES: dict[str, Callable[[Liar, Job, random.Random], None]] = {
    name: getattr(Liar, name)
    for name in (
        "identity", "output", "field", "kind", "gigabyte", "chatter", "trickle", "silence",
        "twice", "back", "shut", "truth",
    )
}  # fmt: skip


def main(descriptor: int) -> None:
    """Serve until the supervisor closes the socket."""
    liar = Liar(descriptor)
    liar.line.recv()
    liar.say({"ready": []})
    with contextlib.suppress(EOFError, OSError):
        while True:
            job = liar.line.recv()
            if not isinstance(job, Job):
                liar.say({"errand": 0})
                continue
            lie, seed = job.relpath.removesuffix(".jpg").split("-")
            if lie != "truth":
                liar.say({"stage": "open"})
                liar.say({"stage": "read"})
            LIES[lie](liar, job, random.Random(int(seed)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
