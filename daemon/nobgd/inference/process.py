"""The model process: confine itself, open the first model, then one tensor after the other.

Started as ``python -m nobgd.inference.process FD``; ends when the socket does.  FD is a socket of
packets: each request comes with the descriptor of the memory that a lane shares with it, which
is of a known size and sealed.  An input is copied out of it before it is worked on, so that
nobody changes it meanwhile, and the raw mask is written behind it.  A request of another machine
comes as the small picture, and gets the finished mask.  What a lane is at, what the photo is,
where it lies: nothing of this is known here.

Whoever asks says how many threads an inference gets and asks no more than fit, see
`pool.inference`; here everything that comes is begun at once, or, where the engine batches, by
one thread, together with what has come while it was at work.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from nobgd.fs import grants, shared_memory
from nobgd.inference.builder import device_files, lacking
from nobgd.inference.engines import BATCH, KINDS
from nobgd.inference.models import Models
from nobgd.lane.confine import confine
from nobgd.picture import segment
from nobgd.values import NobgdError, wire

_PACKET = 1 << 16
_TEXT = 2000  # characters of a reason
_ANEW = 4  # exit status
_OOM_SCORE = "300"  # where memory runs out a lane goes first: each inference takes as much again


@dataclass(frozen=True, slots=True)
class _Request:
    number: int
    which: int  # of the models
    threads: int
    memory: Any  # mmap
    whole: bool = False  # from the small picture to the finished mask


class Server:
    """Threads that infer, and the line that they answer on."""

    def __init__(self, line: socket.socket, setup: wire.ModelSetup) -> None:
        self._line = line
        self._setup = setup
        self._size = wire.tensor_bytes(setup.weights)
        self._requests: queue.Queue[_Request] = queue.Queue()
        self._batched: queue.Queue[_Request] = queue.Queue()
        self.models = Models(setup.weights, setup.cache_dir, setup.net_threads)

    def say(self, message: dict[str, Any]) -> None:
        """One packet up, if anybody listens: else the end is near."""
        with contextlib.suppress(ConnectionError):  # send(2) is not allowed
            os.write(self._line.fileno(), json.dumps(message).encode())

    def serve(self) -> None:
        """Until the socket is closed."""
        for number in range(self._setup.at_a_time):
            threading.Thread(target=self._work, name=f"infer-{number}", daemon=True).start()
        if any(KINDS[one.engine].batches for one in self._setup.weights):
            threading.Thread(target=self._batch, name="infer-batch", daemon=True).start()
        while True:
            data, descriptors, _, _ = socket.recv_fds(self._line, _PACKET, 1)
            if not data:
                return
            asked = json.loads(data)
            try:
                memory = shared_memory.mapped(descriptors[0], self._size)
            finally:
                for each in descriptors:
                    os.close(each)
            which = int(asked["model"])
            number, threads = int(asked["infer"]), int(asked["threads"])
            request = _Request(number, which, threads, memory, bool(asked.get("whole")))
            batches = KINDS[self._setup.weights[which].engine].batches
            (self._batched if batches else self._requests).put(request)

    def _work(self) -> None:
        while True:
            one = self._requests.get()
            try:
                self._infer([one])
            except Exception as error:  # noqa: BLE001 - belongs to whoever asked
                why = f"{type(error).__name__}: {error}"[:_TEXT]
                self.say({"infer": one.number, "failed": why})

    def _batch(self) -> None:
        while True:
            first = self._batched.get()
            requests = [first, *self._more(first.which)]
            try:
                self._infer(requests)
            except ValueError as error:
                for each in requests:
                    self.say({"infer": each.number, "failed": f"{error}"[:_TEXT]})
            except Exception as error:  # noqa: BLE001 - ONNX Runtime raises many kinds
                _begin_anew(len(requests), error)

    def _more(self, which: int) -> list[_Request]:
        """What waits besides for the same model."""
        more: list[_Request] = []
        with contextlib.suppress(queue.Empty):
            while len(more) + 1 < BATCH:
                one = self._batched.get_nowait()
                if one.which != which:
                    self._batched.put(one)
                    break
                more.append(one)
        return more

    def _infer(self, requests: list[_Request]) -> None:
        which, threads = requests[0].which, requests[0].threads
        one = self._setup.weights[which]
        side = one.input_size
        feed = np.empty((len(requests), 3, side, side), np.float32)
        for each, target in zip(requests, feed, strict=True):
            if each.whole:
                picture = np.frombuffer(each.memory, np.uint8, one.shown_bytes, one.shown_at)
                target[:] = segment.normal(picture.reshape(side, side, 3), one)[0]
                continue
            target[:] = np.frombuffer(each.memory, np.float32, target.size).reshape(target.shape)
        ran = self.models.threads(which, threads)
        for each, raw in zip(requests, self.models.run(which, feed, threads), strict=True):
            mask = np.ascontiguousarray(raw, np.float32)
            if mask.nbytes != one.output_bytes:
                raise ValueError(f"{one.name} answers with a mask of another size")
            said: dict[str, Any] = {"infer": each.number, "ran": ran}
            answer = mask.tobytes()
            if each.whole:
                try:
                    finished, said["confidence"] = segment.finished(mask.reshape(side, side), one)
                except NobgdError as error:
                    self.say({"infer": each.number, "failed": error.reason[:_TEXT]})
                    continue
                answer = finished.tobytes()
            each.memory[one.input_bytes : one.input_bytes + len(answer)] = answer
            self.say(said)


def _begin_anew(photos: int, error: Exception) -> None:
    """A batch has failed: for want of memory, by one photo, or because the device is gone.

    After some errors a device runs nothing until a process is new.  So this one ends, and what
    was at work is asked again, one at a time (`pool.suspects`).
    """
    why = f"{type(error).__name__}: {error}"[:_TEXT]
    sys.stderr.write(f"the model process starts anew, a batch of {photos} failed: {why}\n")
    sys.stderr.flush()
    os._exit(_ANEW)


def main(descriptor: int) -> int:
    """See the module."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a stop: it ends with its line
        signal.signal(name, signal.SIG_IGN)
    line = socket.socket(fileno=descriptor)
    setup: wire.ModelSetup = pickle.loads(line.recv(_PACKET))  # noqa: S301 - the supervisor's
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write(_OOM_SCORE)
    holds: tuple[str, ...] = ()
    server = Server(line, setup)
    try:
        if setup.confine:
            taken = dict(setup.taken)
            files = device_files(setup)
            holds = confine(setup.read, (), None, taken, model=True, device=files)
            grants.give_back(taken)
            if lacking(setup):  # only a builder may write there
                server.say({"build": True})
                line.recv(_PACKET)
        for which in range(min(1, len(setup.weights))):
            server.models.net(which, setup.threads)
    except Exception as error:  # noqa: BLE001 - said to the supervisor, which ends the start
        server.say({"unfit": f"{type(error).__name__}: {error}"[:_TEXT]})
        return 3
    server.say({"ready": list(holds)})
    server.serve()
    return 0


if __name__ == "__main__":
    status = main(int(sys.argv[1]))
    sys.stderr.flush()
    os._exit(status)  # threads that infer are not waited for
