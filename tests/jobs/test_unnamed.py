"""Files that are not named like a photo: looked at once, one at a time, and told what to do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nobgd.jobs.unnamed import Unnamed
from nobgd.values import Code, Photo
from nobgd.values.errands import Peek
from nobgd.values.mount import Mount
from nobgd.values.wire import ErrandFailed

MOUNT = Mount(7, 30, "/in", "ext4", "/dev/sda1")


class Service:
    """What `Unnamed` uses of one."""

    def __init__(self) -> None:
        self.mounts = {"/in": MOUNT}
        self.asked: list[tuple[Peek, Any]] = []
        self.said: list[tuple[str, str]] = []
        self.desk = SimpleNamespace(
            rules=lambda inbox: inbox == "/in" or None,
            skip=lambda photo, reason: self.said.append((photo.relpath, reason)),
        )

    def errand(self, errand: Peek, then: Any) -> None:
        self.asked.append((errand, then))


def _photo(relpath: str, inbox: str = "/in") -> Photo:
    return Photo(inbox, relpath, 10, 20, 3.0)


def test_one_is_looked_at_at_a_time_and_each_is_told() -> None:
    """The next is begun when the one before has been answered; a place that fails costs nothing."""
    service = Service()
    unnamed = Unnamed(service)  # type: ignore[arg-type]
    for name in ("a", "b.mpo", "c.txt", "d.psd", "gone", "locked"):
        unnamed.add(_photo(name), None)
    answers: list[tuple[int | None, ErrandFailed | None]] = [
        (0, None), (0, None), (-1, None), (0, None), (None, ErrandFailed(Code.VANISHED, "left")),
        (None, ErrandFailed(Code.FORBIDDEN, "no")),
    ]  # fmt: skip
    for at, (number, error) in enumerate(answers):
        assert len(service.asked) == at + 1
        assert service.asked[at][0].mount == MOUNT
        service.asked[at][1](number, error)
    said = dict(service.said)
    assert sorted(said) == ["a", "b.mpo", "c.txt", "d.psd", "locked"]
    assert said["a"] == "a is a JPEG by its content; call it .jpg and it is done"
    assert "b.mpo is a JPEG by its content; call it .jpg" in said["b.mpo"]
    assert "d.psd is a JPEG by its content; call it .jpg" in said["d.psd"]
    assert "not named like a photo" in said["c.txt"]
    assert "not named like a photo" in said["locked"]


def test_what_was_said_already_is_not_looked_at_again() -> None:
    """Not after a restart either, unless the file has changed."""
    service = Service()
    unnamed = Unnamed(service)  # type: ignore[arg-type]

    def row(same: bool) -> Any:
        return SimpleNamespace(state="skipped", same_file=lambda *_: same)

    unnamed.add(_photo("a"), row(same=True))
    assert service.asked == []
    unnamed.add(_photo("a"), row(same=False))
    assert len(service.asked) == 1


def test_what_has_left_is_dropped() -> None:
    """Of files that wait, and of an inbox that is configured no more."""
    service = Service()
    unnamed = Unnamed(service)  # type: ignore[arg-type]
    for name in ("a", "b", "c"):
        unnamed.add(_photo(name, "/in" if name != "c" else "/other"), None)
    unnamed.drop("/in", ("b",))
    service.asked[0][1](-1, None)
    service.asked[1][1](-1, None)
    assert [relpath for relpath, _ in service.said] == ["a"]
