"""The process of one lane: confine itself, then one request at a time.

Started as ``python -m nobgd.lane.process FD``; ends when the socket does.  Answers go up as
JSON (see `wire`); a request that asks for memory, or for a mask, blocks on the supervisor's word.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from multiprocessing.connection import Connection

from nobgd.fs import grants
from nobgd.fs.faults import code_of
from nobgd.lane import errands, peak, worker
from nobgd.lane.confine import confine, outdated
from nobgd.lane.masks import Masks
from nobgd.lane.touched import folders
from nobgd.picture import known
from nobgd.values import Code, Job, NobgdError, wire
from nobgd.values.errands import Check, Errand


def main(descriptor: int) -> int:
    """Serve until the supervisor closes the socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's to handle
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # so is a terminal that goes away
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # a lease that is broken is none, and no end
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # so is a stop: lanes finish their photo
    line = Connection(descriptor)
    setup: wire.Setup = line.recv()
    peak.PEAK.open()
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("700")  # where memory runs out a lane goes, whose photo takes what is there
    holds: tuple[str, ...] = ()
    try:
        if setup.matting:
            from nobgd.picture import matting

            matting.load(setup.cache_dir)  # compiles, which a confined lane could not keep
        if setup.confine:
            taken = dict(setup.taken)
            holds = confine(
                setup.read, setup.write, setup.memory_bytes, taken, leases=setup.leases
            )  # fmt: skip
            grants.give_back(taken)
        if setup.weights:
            known.check()
        masks = Masks(line, setup)
    except Exception as error:  # noqa: BLE001 - said to the supervisor, which ends the start
        with contextlib.suppress(OSError):  # another lane's word may have ended it already
            line.send_bytes(wire.encode({"unfit": f"{type(error).__name__}: {error}"}))
        return 3
    with contextlib.suppress(EOFError, ConnectionError):
        line.send_bytes(wire.encode({"ready": list(holds)}))
        while True:
            request = line.recv()
            line.send_bytes(wire.encode({"stage": "open"}))
            needed = folders(request)
            if setup.confine and (others := outdated(needed)):  # a new process may be let in
                line.send_bytes(wire.encode({"reopen": [needed.index(each) for each in others]}))
                return 0
            _serve(line, masks, request)
    return 0


def _serve(line: Connection, masks: Masks, request: Job | Errand | Check) -> None:
    def ask(megapixels: float) -> int:
        line.send_bytes(wire.encode({"ask": megapixels}))
        return int(line.recv_bytes(16))

    def stage(name: str) -> None:
        line.send_bytes(wire.encode({"stage": name}))

    if isinstance(request, Job):
        stage("load")
        model = masks.of(request.recipe)
        line.send_bytes(wire.pack(worker.process(request, model, ask, stage), request.outbox))
        return
    try:
        line.send_bytes(wire.encode({"errand": errands.run(request, ask)}))
    except NobgdError as error:
        line.send_bytes(wire.refused(error.code, error.reason, error.place))
    except OSError as error:
        reason = f"{error.filename or type(request).__name__}: {error.strerror}"
        line.send_bytes(wire.refused(code_of(error), reason))
    except Exception as error:  # noqa: BLE001 - the border of the process
        line.send_bytes(wire.refused(Code.INTERNAL, f"{type(error).__name__}: {error}"))


if __name__ == "__main__":
    status = main(int(sys.argv[1]))
    sys.stderr.flush()
    os._exit(status)  # to take down what was imported would cost as much as a third of its start
