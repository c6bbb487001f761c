"""Effects are done here, and nowhere else: the only holder of lanes and scanners.

Called once the ledger is on disk.  What comes of them goes into the mailbox.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, assert_never

from nobgd.intake.inbox import Inbox
from nobgd.jobs.effects import (
    Count,
    Effect,
    LookAgain,
    Record,
    Rescan,
    RunErrand,
    RunHere,
    Say,
    Submit,
)
from nobgd.jobs.events import ErrandEnded, JobEnded
from nobgd.lane.disposal import put_back
from nobgd.pool.hands import Hands
from nobgd.supervisor.mailbox import Answer, Message
from nobgd.supervisor.saying import Saying
from nobgd.values import Code, Job, NobgdError
from nobgd.values.errands import Errand, PutBack
from nobgd.values.wire import ErrandFailed


class Runner:
    """What the machine asks for is done.  Only accessed from the main loop."""

    def __init__(
        self, put: Callable[[Message], None], saying: Saying,
        noted: Callable[[dict[str, Any]], None], stumbled: Callable[[Exception], None],
    ) -> None:  # fmt: skip
        self._put = put
        self._saying = saying
        self._noted = noted
        self._stumbled = stumbled
        self.inboxes: dict[str, Inbox] = {}
        self.lanes: Hands | None = None
        self.errands = 0  # that lanes have

    def run(self, *batches: Iterable[Effect]) -> None:
        """Do these.

        Of each batch first what is said and looked at, then the lines of finished photos, which
        the log takes all at once; then the work of all, errands first, for they are short.  That a
        line was said is on disk last: no lane waits for it, and after a kill in between it is
        found in the log.
        """
        errands: list[Errand] = []
        jobs: list[Job] = []
        for batch in batches:
            self._saying.finish(self._do(batch, errands, jobs))
        for each in (*errands, *jobs):
            self._ask(each)
        self._saying.settle()

    def _do(
        self, effects: Iterable[Effect], errands: list[Errand], jobs: list[Job]
    ) -> list[Record]:
        """All but the work and the records, which are kept for later."""
        records: list[Record] = []
        for effect in effects:
            match effect:
                case Say():
                    self._say(effect)
                case Count():
                    self._noted(effect.event)
                case Record():
                    records.append(effect)
                case LookAgain():
                    if effect.inbox in self.inboxes:
                        self.inboxes[effect.inbox].again(effect.relpaths)
                case Rescan():
                    if effect.inbox in self.inboxes:
                        self.inboxes[effect.inbox].wake()
                case Submit():
                    jobs.append(effect.job)
                case RunErrand():
                    errands.append(effect.errand)
                case RunHere():
                    threading.Thread(target=self._here, args=(effect.errand,), daemon=True).start()
                case _:
                    assert_never(effect)
        return records

    def _say(self, effect: Say) -> None:
        try:
            self._saying.tell(effect.level, effect.event, counted=effect.counted)
        except Exception as error:  # noqa: BLE001 - what else there is to do is done
            self._stumbled(error)

    def _ask(self, request: Job | Errand) -> None:
        assert self.lanes is not None  # noqa: S101 - nothing is asked before there are any
        self.errands += not isinstance(request, Job)
        future = self.lanes.submit(request)
        future.add_done_callback(lambda done: self._put(Answer(request, done)))

    def _here(self, errand: PutBack) -> None:
        """What a lane would do; on a thread of its own, which a share may hold up."""
        try:
            self._put(ErrandEnded(errand, put_back(errand)))
        except NobgdError as failed:
            self._put(ErrandEnded(errand, error=ErrandFailed(failed.code, failed.reason)))
        except Exception as error:  # noqa: BLE001 - said by the loop, and whoever asked is told
            self._put(_stumbled(errand, error))

    def ended(self, answer: Answer) -> JobEnded | ErrandEnded | None:
        """What an answer means; None where an errand was taken back from lanes that end."""
        request, future = answer.request, answer.future
        error = None if future.cancelled() else future.exception()
        if error is not None and not isinstance(error, Exception):
            raise error
        if isinstance(request, Job):
            finished = None if future.cancelled() or error is not None else future.result()
            return JobEnded(request, finished, error)
        self.errands -= 1
        if future.cancelled():
            return None
        if error is None:
            return ErrandEnded(request, future.result().answer)
        if isinstance(error, ErrandFailed):
            return ErrandEnded(request, error=error)
        return _stumbled(request, error)


def _stumbled(errand: Errand, error: Exception) -> ErrandEnded:
    what = f"{type(errand).__name__}: {type(error).__name__}: {error}"
    return ErrandEnded(errand, error=ErrandFailed(Code.INTERNAL, what), cause=error)
