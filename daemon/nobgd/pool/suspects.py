"""Which tensors brought the model process down, and how often.

What was at work when it ended is suspect; a suspect is tried alone, so that who is innocent is
soon known.  A kill from outside is nobody's fault, unless it comes again and again.  Pure.
"""

from __future__ import annotations

from collections import OrderedDict

MOST = 3  # times that one tensor may bring it down
_MOST_KILLED = 30  # times that it may be killed from outside while at one tensor
_KNOWN = 1000  # tensors that are remembered


class Suspects:
    """Tensors by their digest."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, int] = OrderedDict()
        self._killed: OrderedDict[str, int] = OrderedDict()

    def ended(self, digest: str, *, killed: bool) -> bool:
        """The process ended with this at work; True when it is to be given up."""
        times = self._killed if killed else self._times
        times[digest] = times.pop(digest, 0) + 1
        while len(times) > _KNOWN:
            times.popitem(last=False)
        return times[digest] >= (_MOST_KILLED if killed else MOST)

    def suspect(self, digest: str) -> bool:
        """Whether it is to be tried alone."""
        return digest in self._times

    def cleared(self, digest: str) -> None:
        """It has got its mask."""
        self._times.pop(digest, None)
        self._killed.pop(digest, None)
