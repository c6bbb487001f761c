"""What may happen to a process of the pool, and to what it was asked."""

from __future__ import annotations


class Unfit(Exception):  # noqa: N818 - a state
    """A lane or the model process could not start; the sentence says why."""


class GoneAway(Exception):  # noqa: N818 - a state
    """Whoever asked for a mask is no more, or all is to end."""


class NotBegun(Exception):  # noqa: N818 - a state
    """A request of which nothing was done: it is to be asked again, and burns no attempt."""

    def __init__(
        self, why: str, folders: tuple[str, ...] = (), *, taken_back: bool = False
    ) -> None:
        super().__init__(why)
        self.folders = folders  # that are to blame
        self.taken_back = taken_back  # the lane waited for them in vain


class OutOfMemory(Exception):  # noqa: N818 - a state
    """The kernel ended the process for want of memory; the text is what it was at."""


class Overdue(Exception):  # noqa: N818 - a state
    """No answer before the deadline."""


class Ended(Exception):  # noqa: N818 - a state
    """The process is gone; the text says how."""

    folders: tuple[str, ...] = ()  # into which another process may be let


class Broken(Ended):
    """It said what no lane says; the text is our own word for what was wrong with it."""


class Reopen(Ended):
    """It asks for a new process, which can be let into folders that it may not enter."""

    def __init__(self, folders: tuple[str, ...]) -> None:
        super().__init__("a folder that was mounted anew")
        self.folders = folders


class TakenBack(Exception):  # noqa: N818 - a state
    """The lane is wanted elsewhere; the text is the folder that it waits for in vain."""
