"""Why a photo was not done, and whose fault that is."""

from __future__ import annotations

from enum import StrEnum


class Blame(StrEnum):
    """Whose fault a failure is; decides what happens next."""

    PHOTO = "photo"  # no retry can help: quarantine at once
    PLACE = "place"  # a folder or disk: wait for it, burn no attempt
    OURS = "ours"  # a crash or a bug: retry, then quarantine
    NOBODY = "nobody"  # the file changed or left: look again


class Code(StrEnum):
    """Why a photo was not done.  The values are part of the log's contract."""

    NOT_A_PICTURE = "not_a_picture"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    BROKEN = "broken"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    UNSAFE = "unsafe"
    NAME_TAKEN = "name_taken"

    NO_SPACE = "no_space"
    QUOTA = "quota"
    READ_ONLY = "read_only"
    FORBIDDEN = "forbidden"
    IO_ERROR = "io_error"
    STALE = "stale"
    GONE_AWAY = "gone_away"

    CRASHED = "crashed"
    DEADLINE = "deadline"
    OUT_OF_MEMORY = "out_of_memory"
    INTERNAL = "internal"

    VANISHED = "vanished"
    CHANGED = "changed"
    INCOMPLETE = "incomplete"

    DAMAGED = "damaged"
    MORE_PICTURES = "more_pictures"
    MORE_DATA = "more_data"
    NOTHING_FOUND = "nothing_found"
    DOUBTFUL = "doubtful"
    OUTPUT_GONE = "output_gone"
    OUTPUT_CHANGED = "output_changed"
    IN_USE = "in_use"
    HOLES = "holes"
    PAIRED = "paired"

    @property
    def blame(self) -> Blame:
        """Whose fault this is."""
        return _BLAME[self]


_BLAME = {
    code: blame
    for blame, codes in {
        Blame.PHOTO: "not_a_picture empty truncated broken too_large unsupported unsafe name_taken",
        Blame.PLACE: "no_space quota read_only forbidden io_error stale gone_away",
        Blame.OURS: "crashed deadline out_of_memory internal",
        Blame.NOBODY: "vanished changed incomplete damaged more_pictures more_data nothing_found"
        " doubtful output_gone output_changed in_use holes"  # the latter: why an original stays
        " paired",  # another file of the same shot is done instead
    }.items()
    for code in map(Code, codes.split())
}


class NobgdError(Exception):
    """A failure with a code and one sentence for the user.

    Raised inside a lane, it becomes a `Failed`; it never crosses a process border.
    """

    def __init__(self, code: Code, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.place = place  # the folder that failed, where it is not the one that is plain
