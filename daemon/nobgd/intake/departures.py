"""What has left an inbox, and what only cannot be seen.

A mount that is gone takes no photo along.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable

from nobgd.fs.faults import failure
from nobgd.intake.messages import Gone, Message, Odd
from nobgd.intake.regions import Ground, LostError
from nobgd.intake.settle import Settler
from nobgd.intake.sign_files import SignFiles
from nobgd.intake.tree import Folder, Tree

LEFT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_MESSAGE = 1000  # photos or names in one message


class Departures:
    """Those of one inbox.  Only accessed from its scanner thread."""

    def __init__(
        self, root: str, tree: Tree, ground: Ground, settler: Settler,
        post: Callable[[Message], None], noticed: Callable[[], None],
    ) -> None:  # fmt: skip
        """``noticed`` is called when something has left."""
        self._root = root
        self._tree = tree
        self._ground = ground
        self._settler = settler
        self._post = post
        self.signs = SignFiles(root, post)
        self._noticed = noticed

    def compare(self, root: int, folder: Folder, names: set[str]) -> None:
        """Forget what a complete listing does not hold any more."""
        self.vanished(root, folder, [*folder.files.keys() - names, *folder.folders - names])
        folder.others &= names
        if not folder.relpath:
            self.signs.only(names)

    def vanished(self, root: int, folder: Folder, names: Iterable[str]) -> None:
        """Forget files and sub-folders, unless it is their mount that has left."""
        names = list(names)
        if not names or not self._ground.holds(root, folder.region):
            return
        gone: list[str] = []
        for name in names:
            path = folder.path(name)
            if name in folder.folders:
                gone += self._drop(self._tree.folders[path], folder)
            elif name in folder.files:
                del folder.files[name]
                self._settler.forget(path)
                gone.append(path)
            folder.others.discard(name)
            if not folder.relpath:
                self.signs.change(gone={name})
        if gone:
            self._noticed()
        for at in range(0, len(gone), _MESSAGE):
            self._post(Gone(self._root, tuple(gone[at : at + _MESSAGE])))

    def unreadable(self, root: int, folder: Folder, error: OSError) -> None:
        """Decide what it means that a folder cannot be read."""
        if folder.relpath:
            if error.errno in LEFT:
                above = self._tree.parent(folder)
                self.vanished(root, above, [folder.relpath.rpartition("/")[2]])
                return
            try:
                with os.scandir(root) as entries:
                    next(entries, None)
            except OSError as worse:
                error, folder = worse, self._tree.root
        if not folder.relpath:
            raise LostError(failure(error, f"cannot read {self._root}").reason) from error
        self.forget(folder)  # the next pass looks at them again
        if folder.trouble != error.errno:
            folder.trouble = error.errno or 0
            why = failure(error, f"cannot read the folder {folder.relpath}").reason
            self._post(Odd(self._root, folder.relpath, why))

    def forget(self, folder: Folder) -> None:
        """Nothing in it is on its way to be settled any more."""
        for name, known in folder.files.items():
            if known is None:
                self._settler.forget(folder.path(name))

    def _drop(self, folder: Folder, above: Folder) -> list[str]:
        """Forget a folder and all below it; return the files that were in them."""
        if self._ground.left(folder, above):
            for one in self._tree.below(folder):
                self.forget(one)
            return []
        gone = []
        for one in self._tree.drop(folder):
            self._ground.unwatch(one)
            self.forget(one)
            gone += [one.path(name) for name in one.files]
        return gone
