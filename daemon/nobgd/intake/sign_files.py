"""The files at the top of an inbox by which people without a shell ask for something."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nobgd.intake.messages import Message, Signs

SIGNS = ("_PAUSE", "_RETRY")


class SignFiles:
    """Those that are there now, in one inbox."""

    def __init__(self, root: str, post: Callable[[Message], None]) -> None:
        self._root = root
        self._post = post
        self._there: set[str] = set()

    def only(self, names: set[str]) -> None:
        """No others than these can be there."""
        self.change(gone=self._there - names)

    def change(self, *, seen: Iterable[str] = (), gone: Iterable[str] = ()) -> None:
        """Some came or went."""
        there = self._there.union(seen).difference(gone)
        if there != self._there:
            self._there = there
            self._post(Signs(self._root, tuple(sorted(there))))
