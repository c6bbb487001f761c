"""The link process: the one that talks to other machines, as the supervisor sees it.

It is the only process with a network and has nothing else: no folder, no ledger, no photo.  What
comes over the wire is parsed there; here arrive a few words and a sealed memory with a mask in it,
checked like what a lane or the model process says.  It is opened again when it ends, however
often; until then everything is done here.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from nobgd.fs import shared_memory
from nobgd.pool import ending, messages
from nobgd.pool.environment import environment
from nobgd.pool.link_words import KINDS, Broker, Mask, Message, Seen, Tell, Think
from nobgd.pool.neighbours import Neighbours
from nobgd.values import wire
from nobgd.values.machine import Machine

PROCESS = "nobgd.machines.process"  # the module that it runs
_SLICE_S = 0.25
_LONGEST = 1 << 17  # bytes of what it says
_LONGEST_PAUSE_S = 30.0  # between two tries to open it


class _Ended(Exception):  # noqa: N818 - a state
    """It is gone; the text says how."""


class LinkProcess:
    """One process and a thread that listens to it; the rest may be called on any thread."""

    def __init__(
        self, link: wire.Link, hear: Callable[[Message, int], None], look: Callable[[], None],
        told: Callable[[str, dict[str, Any]], None],
    ) -> None:  # fmt: skip
        """``hear`` gets what it says and a descriptor, -1 if none; ``look`` is called often."""
        self.neighbours = Neighbours()
        self.opened = 0  # times; what another process was given is lost
        self._link = link
        self._size = wire.tensor_bytes(link.weights)
        self._hear, self._look, self._told = hear, look, told
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._looked = 0.0
        self._closing = threading.Event()
        self._sending = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="link", daemon=True)

    def start(self) -> None:
        """Open it, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """End it for good."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(3.0)
        self._kill()

    # --- down ------------------------------------------------------------------------------

    def ask(self, number: int, which: int, memory: int) -> None:
        """Have the picture in ``memory`` thought about somewhere.  Raises OSError."""
        self._say({"infer": number, "model": which}, memory)

    def drop(self, number: int, *, overdue: bool = False) -> None:
        """Nobody waits for this one any more; ``overdue``: whoever has it takes too long."""
        with contextlib.suppress(OSError):
            self._say({"drop": number, "overdue": overdue})

    def thought(self, number: int, *, made: bool) -> None:
        """Our own mask of its picture is there, or could not be made."""
        with contextlib.suppress(OSError):
            self._say({"thought": number, "made": made})

    def send(self, number: int, which: tuple[int, ...], photo: str, job: bytes) -> None:
        """Have a whole job done somewhere, see `sent`.  Raises OSError."""
        self._say({"job": number, "models": which, "photo": photo, "sent": job.decode()})

    def recall(self, number: int) -> None:
        """Nobody waits for this job any more."""
        with contextlib.suppress(OSError):
            self._say({"recall": number})

    def prove(self, number: int, host: str, asked: bytes) -> None:
        """Have a machine show what it sees of our folders.  Raises OSError."""
        self._say({"prove": number, "host": host, "asked": asked.decode()})

    def admit(self, host: str, grains: dict[str, int]) -> None:
        """It sees them, with times this fine; with none it may not work on them any more."""
        with contextlib.suppress(OSError):
            self._say({"admit": host, "grains": grains})

    def _say(self, words: dict[str, Any], memory: int | None = None) -> None:
        with self._sending:
            if (line := self._line) is None:
                raise BrokenPipeError
            said = json.dumps(words).encode()
            # never waits: a link that does not listen has nobody to ask anyway
            socket.send_fds(line, [said], [] if memory is None else [memory], socket.MSG_DONTWAIT)

    # --- its thread ------------------------------------------------------------------------

    def _work(self) -> None:
        failures = 0
        while not self._closing.is_set():
            how = ""
            try:
                self._spawn()
                while not self._closing.is_set():
                    self._receive()
                    failures = failures if self.neighbours.broker else 0
                    self._look_again()
            except (_Ended, OSError) as end:
                how = str(end)
            self._kill()
            if self._closing.is_set():
                return
            failures += 1
            why = f"the link process ended by {how}; it is opened again"
            self._told("link.ended", {"why": why})
            self.neighbours.gone("the link process has ended")
            self._hear(Broker(broker=self.neighbours.broker), -1)
            pause = min(2.0 ** min(failures - 2, 10), _LONGEST_PAUSE_S)
            while pause > 0 and not self._closing.wait(_SLICE_S):
                pause -= _SLICE_S
                self._look_again()

    def _look_again(self) -> None:
        """Not after each of a thousand messages: it goes over all that are out."""
        now = time.monotonic()
        if now - self._looked >= _SLICE_S:
            self._looked = now
            self._look()

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", PROCESS, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=environment(),
                    stdout=2,
                )  # fmt: skip
            except OSError:
                ours.close()
                raise
        ours.send(pickle.dumps(self._link))
        self.opened += 1
        with self._sending:
            self._line = ours

    def _receive(self) -> None:
        """What it says next, if anything.  Raises `_Ended`."""
        line = self._line
        assert line is not None  # noqa: S101 - only this thread takes it away
        poll = select.poll()
        poll.register(line, select.POLLIN)
        if not poll.poll(_SLICE_S * 1000):
            return
        data, descriptors, _, _ = socket.recv_fds(line, _LONGEST, 1)
        try:
            if not data:
                raise _Ended(ending.how(self._process))
            memory = descriptors[0] if descriptors else -1
            message = read(data)
            if isinstance(message, Mask | Think) and not self._sealed(memory, message):
                raise _Ended("a memory of another size than is known")
            note(message, self.neighbours, self._told)
            self._hear(message, memory)
        finally:
            for each in descriptors:
                os.close(each)

    def _sealed(self, memory: int, message: Mask | Think) -> bool:
        if memory < 0:
            return False
        try:
            size = os.fstat(memory).st_size
            shared_memory.mapped(memory, size).close()
        except (OSError, ValueError):
            return False
        return isinstance(message, Mask) or size == self._size

    def _kill(self) -> None:
        with self._sending:
            line, self._line = self._line, None
        if line is not None:
            line.close()
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)  # it ends with its line
                return
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2.0)

    def pids(self) -> list[int]:
        """Of the process, while it is open."""
        process = self._process
        return [] if process is None else [process.pid]


def read(data: bytes) -> Message:
    """What the link process says.  Raises `_Ended` for anything else."""
    if (message := messages.read(data, KINDS)) is not None:
        return message
    raise _Ended("a word that the link process does not say")


def note(
    message: Message, neighbours: Neighbours, told: Callable[[str, dict[str, Any]], None]
) -> None:
    """Remember what it says of the others; what is for the log is told."""
    match message:
        case Seen():
            neighbours.seen(Machine(
                message.seen, message.state, message.why, message.seats, message.priority,
                message.busy, message.answered, message.engine, tuple(message.models),
                message.jobs, message.mounted, message.working,
            ))  # fmt: skip
        case Broker():
            neighbours.reached(message.broker)
        case Tell():
            told(message.tell, dict(message.fields))
