"""What a scanner thread tells the main loop: frozen values, put into its mailbox."""

from __future__ import annotations

from dataclasses import dataclass

from nobgd.values import Photo
from nobgd.values.mount import Mount


@dataclass(frozen=True, slots=True)
class Settled:
    """Photos that have stopped changing; at most 1,000 in one message.

    A photo is told again after `Inbox.again`, after a change, and after a restart.
    """

    inbox: str
    photos: tuple[Photo, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """Names that were there and are not any more; never sent for a share that is lost."""

    inbox: str
    relpaths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Came:
    """Names that a listing holds and the last one, or the first pass, did not.

    Whatever had such a name before has left, be it while the daemon was down.
    """

    inbox: str
    relpaths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Left:
    """A folder holds the hidden folder of a disposal: one under way, or cut short by a kill."""

    inbox: str
    folder: str  # relative to the inbox


@dataclass(frozen=True, slots=True)
class Scanned:
    """A pass over the inbox is complete, or the last unsettled file has settled.

    With ``unsettled == 0`` everything that was seen has been told.
    A pass that nobody asked for, and that found as much as the one before, is not told.
    """

    inbox: str
    files: int  # known, not ignored
    unsettled: int
    took_s: float  # of the last pass


@dataclass(frozen=True, slots=True)
class Watching:
    """How changes are noticed, told at the start and whenever that changes."""

    inbox: str
    strategy: str  # inotify | poll
    why: str  # "proved: ext4" | "nfs4, where changes by others send no events"
    text: str  # for people: "inotify, proved: ext4" | "poll every 5 s: nfs4, where …"
    mount: Mount  # of the folder; what `Job.inbox_mount` is for where == ""
    where: str = ""  # the sub-folder another file system is mounted on; "" is the inbox


@dataclass(frozen=True, slots=True)
class Lost:
    """The inbox cannot be read: missing, unmounted or failing.  Sent once, then `Back`."""

    inbox: str
    why: str


@dataclass(frozen=True, slots=True)
class Back:
    """The inbox can be read again; everything in it is looked at anew."""

    inbox: str
    mount: Mount


@dataclass(frozen=True, slots=True)
class Overflow:
    """More happened at once than inotify could hold; everything is looked at instead."""

    inbox: str


@dataclass(frozen=True, slots=True)
class Odd:
    """Something that will never be a photo although it is not ignored; sent once per name."""

    inbox: str
    relpath: str
    why: str


@dataclass(frozen=True, slots=True)
class Signs:
    """The files ``_PAUSE`` and ``_RETRY`` at the top of an inbox, told when they change.

    Only plain files count; ``names`` are as written, for shares that do not mind the case.
    """

    inbox: str
    names: tuple[str, ...]


Message = Settled | Gone | Came | Left | Scanned | Watching | Lost | Back | Overflow | Odd | Signs
