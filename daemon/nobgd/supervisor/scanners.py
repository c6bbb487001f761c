"""The scanners: opened for the inboxes of the configuration in force, and closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nobgd.intake.ignore import Ignore
from nobgd.intake.inbox import Inbox
from nobgd.intake.messages import Message
from nobgd.jobs.events import Closed
from nobgd.jobs.state import State

_ENDS_WITHIN_S = 0.5  # a scanner; one that waits for a hung share is left behind


class Scanners:
    """One thread for each inbox.  Only accessed from the main loop."""

    def __init__(
        self, state: State, inboxes: dict[str, Inbox], *, post: Callable[[Message], None],
        closed: Callable[[Closed], None],
    ) -> None:  # fmt: skip
        """``post`` takes what scanners see, on their threads; ``closed`` hears of each end."""
        self._state = state
        self.inboxes = inboxes
        self._post = post
        self._closed = closed

    def watch(self) -> None:
        """Open the inboxes that are not watched yet."""
        for each in self._state.config.inboxes:
            path = str(each.path)
            if path in self.inboxes:
                continue
            self.inboxes[path] = Inbox(
                path, recursive=each.recursive,
                ignore=Ignore(
                    each.ignore, suffix=each.output.suffix, tail=each.output.rendering.tail
                ),
                mode=each.watch.mode,
                settle_s=each.watch.settle_s, rescan_s=each.watch.rescan_s,
                poll_s=each.watch.poll_s, post=self._post,
            )  # fmt: skip
            self.inboxes[path].start()

    def look_anew(self, inboxes: Iterable[str]) -> None:
        """What counts as done in these is another matter now: everything is seen afresh."""
        for path in inboxes:
            if path in self.inboxes:
                self.close(path, anew=True)
        self.watch()

    def close(self, path: str, *, anew: bool = False) -> None:
        """Stop watching an inbox; what its scanner told is forgotten."""
        self.inboxes.pop(path).stop(_ENDS_WITHIN_S)
        self._closed(Closed(path, anew))

    def stop(self) -> None:
        """The service ends; nobody needs to hear of it."""
        for inbox in self.inboxes.values():
            inbox.stop(_ENDS_WITHIN_S)
