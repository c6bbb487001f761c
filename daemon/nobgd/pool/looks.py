"""What another machine says to have made is believed once a lane here has looked at it.

Clients of NFS and SMB remember for a while that a name is not there: it is looked for some times.
What it comes to is told to `Proofs`, which doubt a machine that lies or sees other folders.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from nobgd.pool.proofs import Proofs
from nobgd.pool.stages import Request
from nobgd.values import Job
from nobgd.values.errands import AS_SAID, Look
from nobgd.values.wire import Finished

_LOOKS, _LOOK_S = 8, 1.0  # at an output


Judged = Callable[[Finished, bool | None], None]  # whether it is believed; None: no lane looks


class Looks:
    """All that are under way.  Thread-safe."""

    def __init__(
        self, submit: Callable[[Request], Future[Finished]], proofs: Proofs,
        again: Callable[[], bool],
    ) -> None:  # fmt: skip
        """``submit`` has an errand done by a lane of ours; ``again``: it may be asked once more."""
        self._submit, self._proofs, self._again = submit, proofs, again

    def begin(self, job: Job, done: Finished, judged: Judged) -> None:
        """Have a lane look at the output of ``job``, which is ``done``."""
        self._look(job, done, judged, 1)

    def _look(self, job: Job, done: Finished, judged: Judged, number: int) -> None:
        answer = done.answer
        errand = Look(
            job.outbox, os.path.relpath(answer.output, job.outbox), job.relpath,
            frozenset({job.inbox_key, *job.moved}), answer.sha256, answer.recipe,
            job.outbox_mount,
        )  # fmt: skip
        looked = self._submit(errand)
        looked.add_done_callback(partial(self._looked, job, done, judged, number))

    def _looked(
        self, job: Job, done: Finished, judged: Judged, number: int, looked: Future[Finished]
    ) -> None:
        if looked.cancelled():
            judged(done, None)
            return
        unseen = looked.exception() is not None
        if not unseen and looked.result().answer == AS_SAID:
            self._proofs.agree(done.host)
            judged(done, True)
            return
        if number < _LOOKS and self._again():
            timer = threading.Timer(_LOOK_S, self._look, (job, done, judged, number + 1))
            timer.daemon = True
            timer.start()
            return
        judged(done, False)
        if unseen:
            return  # our own outbox is to blame
        why = f"{done.answer.output} is not there, or not what it says to have made"
        self._proofs.miss(done.host, why)
