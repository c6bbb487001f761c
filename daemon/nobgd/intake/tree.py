"""What is known of an inbox: its folders, the names in them, the file systems they lie on.

Plain book-keeping without any I/O.  Only accessed from the inbox's scanner thread, so no
lock is needed.  Paths are relative to the inbox; the inbox itself is "".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nobgd.intake.inotify import Ear
from nobgd.values.mount import Mount

# size, mtime_ns, inode, ctime_ns; since when it is quiet
Known = tuple[int, int, int | None, int | None, float]


@dataclass(slots=True, eq=False)
class Region:
    """The folders of an inbox that lie on one mount and are watched in one way."""

    where: str  # the topmost folder
    mount: Mount
    strategy: str  # inotify | poll
    why: str
    proved: bool = False  # inotify was seen to work
    due: float = 0.0  # when the next pass is
    idle: int = 0  # passes without news
    took_s: float = 0.0  # the last pass
    usual_s: float = 0.0  # the shorter of the last two
    lost: bool = False  # unmounted; only for a region below the inbox
    rota: Iterator[tuple[Folder, list[str]]] | None = None  # whom to look at next


@dataclass(slots=True, eq=False)
class Folder:
    """One folder and the names in it."""

    relpath: str
    region: Region | None = None  # None: not visited yet
    identity: tuple[int, int] = (0, 0)  # st_dev, st_ino
    ear: Ear | None = None  # its watch: the kernel's number and ours
    files: dict[str, Known | None] = field(default_factory=dict)  # None: not settled
    folders: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)  # ignored or odd
    trouble: int = 0  # the errno that was told
    unseen: dict[str, int] = field(default_factory=dict)  # names that cannot be looked at: errno

    def path(self, name: str) -> str:
        """Return the path of an entry, relative to the inbox."""
        return f"{self.relpath}/{name}" if self.relpath else name

    def knows(self, name: str) -> bool:
        """Say whether an entry of this name has been seen."""
        return name in self.files or name in self.others or name in self.folders

    def __len__(self) -> int:
        return len(self.files) + len(self.others) + len(self.folders)


class Tree:
    """The folders of one inbox, a parent always before its children."""

    def __init__(self) -> None:
        self.folders: dict[str, Folder] = {"": Folder("")}

    @property
    def root(self) -> Folder:
        """The inbox itself."""
        return self.folders[""]

    def count(self) -> int:
        """Return how many files are known."""
        return sum(len(folder.files) for folder in self.folders.values())

    def parent(self, folder: Folder) -> Folder:
        """Return the folder above; the root is its own."""
        return self.folders[folder.relpath.rpartition("/")[0]]

    def find(self, relpath: str) -> tuple[Folder | None, str]:
        """Return the folder that should hold a path, and the last name in the path."""
        above, _, name = relpath.rpartition("/")
        return self.folders.get(above), name

    def add(self, parent: Folder, name: str) -> Folder:
        """Take in a sub-folder."""
        folder = Folder(parent.path(name))
        parent.folders.add(name)
        self.folders[folder.relpath] = folder
        return folder

    def below(self, folder: Folder) -> list[Folder]:
        """Return a folder and all folders below it, parents first."""
        found = [folder]
        for at in found:
            found += [self.folders[path] for path in map(at.path, at.folders)]
        return found

    def drop(self, folder: Folder) -> list[Folder]:
        """Forget a sub-folder and all below it; return them."""
        dropped = self.below(folder)
        for one in dropped:
            del self.folders[one.relpath]
        self.parent(folder).folders.discard(folder.relpath.rpartition("/")[2])
        return dropped

    def within(self, region: Region) -> list[Folder]:
        """Return the folders of a region, its topmost first.

        A folder that could never be opened has no region yet; it counts as its parent's.
        """
        return [
            folder
            for folder in self.folders.values()
            if folder.region is region
            or (folder.region is None and self.parent(folder).region is region)
        ]

    def rota(self, region: Region, chunk: int) -> Iterator[tuple[Folder, list[str]]]:
        """Yield all settled files of a region once, `chunk` names at a time."""
        for folder in self.within(region):
            names = [name for name, known in folder.files.items() if known is not None]
            for at in range(0, len(names), chunk):
                yield folder, names[at : at + chunk]
