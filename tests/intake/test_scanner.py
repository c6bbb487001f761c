"""What a scan finds, told by hand-made steps on real folders; the clock is an argument."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from nobgd.intake import inotify
from nobgd.intake.ignore import Ignore
from nobgd.intake.messages import (
    Back,
    Gone,
    Lost,
    Message,
    Odd,
    Overflow,
    Scanned,
    Settled,
    Watching,
)
from nobgd.intake.scanner import Scanner

M = TypeVar("M", bound=Message)


class Desk:
    """A scanner, its clock, and what it told."""

    def __init__(self, root: Path, **changes: object) -> None:
        self.root = root
        self.now = 100.0
        self.told: list[Message] = []
        self.woken = threading.Event()
        settings: dict[str, Any] = {
            "recursive": True,
            "ignore": Ignore(),
            "mode": "poll",
            "settle_s": 2.0,
            "rescan_s": 30.0,
            "poll_s": 5.0,
        }
        self.scanner = Scanner(
            str(root),
            post=self.tell,
            clock=lambda: self.now,
            wake=self.woken.set,
            **{**settings, **changes},
        )

    def tell(self, message: Message) -> None:
        self.told.append(message)

    def step(self, at: float | None = None, **more: Any) -> float:
        if at is not None:
            self.now = at
        return self.scanner.step(**more)

    def settle(self) -> list[str]:
        """Step until nothing waits; return what was told as settled."""
        self.step(everything=True)
        while (look := self.scanner.settler.next_look()) is not None:
            self.step(max(look, self.now))
        return self.settled()

    def hear(self) -> None:
        """Wait until inotify has something, then take one step."""
        assert self.woken.wait(20)
        self.woken.clear()
        self.step()

    def hear_until(self, true: Callable[[], bool]) -> None:
        while not true():
            self.hear()

    def take(self, kind: type[M]) -> list[M]:
        """Return the messages of a kind that were told since, and forget them."""
        found: list[M] = [one for one in self.told if isinstance(one, kind)]
        self.told = [one for one in self.told if not isinstance(one, kind)]
        return found

    def settled(self) -> list[str]:
        return sorted(photo.relpath for one in self.take(Settled) for photo in one.photos)

    def gone(self) -> list[str]:
        return sorted(path for one in self.take(Gone) for path in one.relpaths)

    def odd(self) -> list[str]:
        return sorted(one.relpath for one in self.take(Odd))


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def desk(inbox: Path) -> Desk:
    return Desk(inbox)


@pytest.fixture
def ears(inbox: Path) -> Iterator[Desk]:
    desk = Desk(inbox, mode="auto")
    yield desk
    desk.scanner.ground.leave()


@pytest.fixture
def plain_user(inbox: Path) -> Iterator[None]:
    """Be a user whom permissions hold back."""
    if os.geteuid() != 0:
        yield
        return
    os.chown(inbox, 65534, 65534)
    for above in [*inbox.parents][:-2]:
        above.chmod(above.stat().st_mode | 0o111)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def write(path: Path, text: str = "photo") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def mounting(*arguments: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")


@pytest.fixture
def mounted() -> Iterator[Callable[[Path], None]]:
    """Mount a tmpfs on a folder; unmount what is left at the end."""
    points: list[Path] = []

    def mount(point: Path) -> None:
        mounting("mount", "-t", "tmpfs", "-o", "size=1m", "test", str(point))
        points.append(point)

    yield mount
    for point in points:
        with contextlib.suppress(subprocess.CalledProcessError):
            subprocess.run(["umount", str(point)], check=True, capture_output=True)


# --- files --------------------------------------------------------------------------------


def test_start_up_files_settle_too(desk: Desk, inbox: Path) -> None:
    """Files that lay there are looked at twice, settle_s apart, and told once."""
    write(inbox / "a.jpg")
    write(inbox / "sub/deep/b.jpg")
    assert desk.step() == 102.0
    assert desk.settled() == []
    assert desk.take(Scanned)[-1].unsettled == 2
    assert desk.step(101.9) == 102.0
    desk.step(102.0)
    assert desk.settled() == ["a.jpg", "sub/deep/b.jpg"]
    assert desk.take(Scanned)[-1].unsettled == 0
    desk.step(200.0, everything=True)
    assert desk.settled() == []


def test_what_came_together_is_told_by_name(desk: Desk, inbox: Path) -> None:
    """However many there are, and however the disk lists them."""
    names = [f"{number:04}.jpg" for number in range(700)]
    for name in random.Random(4).sample(names, len(names)):
        write(inbox / name)
    desk.step()
    desk.step(102.0)
    told = [photo.relpath for one in desk.take(Settled) for photo in one.photos]
    assert told == names


def test_growing_file(desk: Desk, inbox: Path) -> None:
    """A file that still grows is told settle_s after it has stopped."""
    write(inbox / "a.jpg", "1")
    desk.step()
    write(inbox / "a.jpg", "12")
    desk.step(102.0)
    assert desk.settled() == []
    desk.step(104.0)
    assert desk.settled() == ["a.jpg"]


def test_overwritten(desk: Desk, inbox: Path) -> None:
    """Another size or mtime under the same name is told again; so is a touched mode.

    What that means is not decided here: the ctime is told with it.
    """
    write(inbox / "a.jpg")
    assert desk.settle() == ["a.jpg"]
    (inbox / "a.jpg").chmod(0o600)
    assert desk.settle() == ["a.jpg"]
    assert desk.settle() == []
    os.utime(inbox / "a.jpg", ns=(5, 5))
    assert desk.settle() == ["a.jpg"]
    write(inbox / "a.jpg", "larger")
    assert desk.settle() == ["a.jpg"]


def test_rota_finds_a_silent_overwrite(desk: Desk, inbox: Path) -> None:
    """A change that no event told is found by an ordinary pass, without being asked."""
    write(inbox / "a.jpg")
    desk.settle()
    write(inbox / "a.jpg", "larger")
    due = desk.step()
    desk.step(due)
    desk.step(due + 2.0)
    assert desk.settled() == ["a.jpg"]


def test_gone(desk: Desk, inbox: Path) -> None:
    """What left is told, settled or not; what returns is told again."""
    for name in ("a.jpg", "b.jpg", "sub/c.jpg", "sub/sub/d.jpg"):
        write(inbox / name)
    desk.settle()
    (inbox / "a.jpg").unlink()
    shutil.rmtree(inbox / "sub")
    write(inbox / "e.jpg")
    desk.step(everything=True)
    assert desk.gone() == ["a.jpg", "sub/c.jpg", "sub/sub/d.jpg"]
    (inbox / "e.jpg").unlink()
    desk.step(desk.now + 2)
    assert desk.gone() == ["e.jpg"]
    write(inbox / "sub/c.jpg")
    assert desk.settle() == ["sub/c.jpg"]


def test_ignored(inbox: Path) -> None:
    """Ignored files are not told, ignored folders not entered, and neither is odd."""
    for name in ("a.jpg", ".b.jpg", "x_nobg.png", "@eaDir/c.jpg", "raw/d.jpg", "Thumbs.db"):
        write(inbox / name)
    os.mkfifo(inbox / ".fifo")
    desk = Desk(inbox, ignore=Ignore(["raw/"]))
    assert desk.settle() == ["a.jpg"]
    assert desk.odd() == []
    assert sorted(desk.scanner.tree.folders) == [""]


def test_a_pruned_folder_that_may_be_a_persons_is_told_once(inbox: Path) -> None:
    """With the way out; a NAS's known ones are not told."""
    for name in ("#work/a.jpg", "sub/@me/b.jpg", "@eaDir/c.jpg", "x.photoslibrary/d.jpg"):
        write(inbox / name)
    desk = Desk(inbox)
    assert desk.settle() == []
    told = desk.take(Odd)
    assert sorted(one.relpath for one in told) == ["#work", "sub/@me"]
    assert any("'!@me/'" in one.why for one in told)
    desk.step(desk.now + 100, everything=True)
    assert desk.odd() == []
    brought = Desk(inbox, ignore=Ignore(["!#work"]))
    assert brought.settle() == ["#work/a.jpg"]


def test_not_recursive(inbox: Path) -> None:
    """Sub-folders are left alone where the configuration says so."""
    write(inbox / "a.jpg")
    write(inbox / "sub/b.jpg")
    assert Desk(inbox, recursive=False).settle() == ["a.jpg"]


def test_odd(desk: Desk, inbox: Path, tmp_path: Path) -> None:
    """Links and pipes are never followed nor opened, and told once."""
    write(tmp_path / "outside/x.jpg")
    (inbox / "link.jpg").symlink_to(tmp_path / "outside/x.jpg")
    (inbox / "folder").symlink_to(tmp_path / "outside")
    (inbox / "loop").symlink_to(".")
    (inbox / "dangling.jpg").symlink_to("nowhere")
    os.mkfifo(inbox / "pipe.jpg")
    assert desk.settle() == []
    assert desk.odd() == ["dangling.jpg", "folder", "link.jpg", "loop", "pipe.jpg"]
    desk.settle()
    assert desk.odd() == []


def test_kinds_change(desk: Desk, inbox: Path, tmp_path: Path) -> None:
    """A name may be a file, a folder and a link in turn; each time it is what it is."""
    name = inbox / "x.jpg"
    for _ in range(2):
        write(name)
        assert desk.settle() == ["x.jpg"]
        name.unlink()
        write(name / "y.jpg")
        assert desk.settle() == ["x.jpg/y.jpg"]
        assert desk.gone() == ["x.jpg"]
        shutil.rmtree(name)
        name.symlink_to(tmp_path)
        assert desk.settle() == []
        assert desk.gone() == ["x.jpg/y.jpg"]
        desk.settle()
        name.unlink()
        desk.settle()


def test_hard_links_and_names(desk: Desk, inbox: Path) -> None:
    """Hard links are files; names hold any bytes."""
    odd = os.fsdecode(b"\xff\n\x1b[31m \xe4.jpg")
    write(inbox / odd)
    os.link(inbox / odd, inbox / "-rf.jpg")
    os.link(inbox / odd, inbox / ("x" * 255))
    assert desk.settle() == sorted([odd, "-rf.jpg", "x" * 255])


def test_deep(desk: Desk, inbox: Path) -> None:
    """Folders as deep as a path can be are scanned; deeper ones are told and do no harm."""
    fd = os.open(inbox, os.O_RDONLY)
    for _ in range(45):
        os.mkdir("d" * 99, dir_fd=fd)
        os.close(os.open("x.jpg", os.O_CREAT, dir_fd=fd, mode=0o600))
        down = os.open("d" * 99, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = down
    os.close(fd)
    assert len(desk.settle()) == 41
    assert len(desk.take(Odd)) == 1
    shutil.rmtree(inbox)


@pytest.mark.usefixtures("plain_user")
def test_unreadable_folder(desk: Desk, inbox: Path) -> None:
    """A folder that may not be read is told once and skipped; all else is scanned."""
    write(inbox / "a.jpg")
    write(inbox / "closed/b.jpg")
    (inbox / "closed").chmod(0)
    assert desk.settle() == ["a.jpg"]
    assert desk.odd() == ["closed"]
    desk.settle()
    assert desk.odd() == []
    (inbox / "closed").chmod(0o700)
    assert desk.settle() == ["closed/b.jpg"]
    (inbox / "closed").chmod(0o400)  # names can be listed, files not looked at
    write(inbox / "c.jpg")
    assert desk.settle() == ["c.jpg"]
    assert desk.gone() == []


@pytest.mark.usefixtures("plain_user")
def test_unreadable_root(desk: Desk, inbox: Path) -> None:
    """An inbox that may not be read is lost, with the way out, until it may."""
    write(inbox / "a.jpg")
    desk.settle()
    inbox.chmod(0o100)
    desk.step(200.0)
    (lost,) = desk.take(Lost)
    assert "give nobgd's user access" in lost.why
    inbox.chmod(0o700)
    desk.step(205.0)
    assert len(desk.take(Back)) == 1


# --- being asked --------------------------------------------------------------------------


def test_again(desk: Desk, inbox: Path) -> None:
    """A photo asked for again settles and is told again, its quiet time running on."""
    write(inbox / "a.jpg")
    desk.settle()
    desk.step(110.0, again=["a.jpg"])
    assert desk.settled() == []
    desk.step(112.0)
    (told,) = desk.take(Settled)
    assert told.photos[0].quiet_s == 12.0


def test_again_but_gone_or_unknown(desk: Desk, inbox: Path) -> None:
    """To ask for what left is told as gone; for what never was, or is ignored, nothing."""
    write(inbox / "a.jpg")
    write(inbox / ".x.jpg")
    desk.settle()
    (inbox / "a.jpg").unlink()
    desk.step(110.0, again=["a.jpg", "b.jpg", "no/c.jpg", ".x.jpg"])
    assert desk.gone() == ["a.jpg"]
    desk.step(120.0)
    assert desk.settled() == []


def test_again_finds_new_files(desk: Desk, inbox: Path) -> None:
    """To ask for a file that no scan has seen yet is to see it."""
    desk.step()
    write(inbox / "a.jpg")
    desk.step(101.0, again=["a.jpg"])
    desk.step(103.0)
    assert desk.settled() == ["a.jpg"]


# --- shares -------------------------------------------------------------------------------


def test_missing_at_the_start(desk: Desk, inbox: Path) -> None:
    """A missing inbox is told once, tried every poll_s, and taken up when it appears."""
    inbox.rmdir()
    assert desk.step() == 105.0
    desk.step(105.0)
    assert desk.scanner.state == "missing"
    write(inbox / "a.jpg")
    desk.step(110.0)
    assert [type(one) for one in desk.told[:3]] == [Lost, Back, Watching]
    assert desk.settle() == ["a.jpg"]


def test_lost_and_back(desk: Desk, inbox: Path, tmp_path: Path) -> None:
    """A root that leaves is lost, nothing is told as gone; back, all is looked at again."""
    write(inbox / "a.jpg")
    write(inbox / "b.jpg")
    desk.settle()
    inbox.rename(tmp_path / "away")
    desk.step(200.0)
    desk.step(205.0)
    assert len(desk.take(Lost)) == 1
    assert desk.scanner.state == "lost"
    (tmp_path / "away/b.jpg").unlink()
    (tmp_path / "away").rename(inbox)
    desk.step(210.0)
    assert len(desk.take(Back)) == 1
    assert desk.gone() == ["b.jpg"]
    assert desk.settle() == ["a.jpg"]


def test_replaced_root(desk: Desk, inbox: Path, tmp_path: Path) -> None:
    """Another folder in the inbox's place is told as lost and back, for lanes go by inodes."""
    write(inbox / "a.jpg")
    desk.settle()
    inbox.rename(tmp_path / "old")
    write(inbox / "b.jpg")
    assert desk.settle() == ["b.jpg"]
    assert [len(desk.take(kind)) for kind in (Lost, Back)] == [1, 1]
    assert desk.gone() == ["a.jpg"]


@pytest.mark.parametrize("mode", ["poll", "auto"])
def test_unmounted_root(inbox: Path, mounted: Callable[[Path], None], mode: str) -> None:
    """An empty mount point is no empty inbox; mounted anew, the inbox is back by itself."""
    mounted(inbox)
    write(inbox / "sub/a.jpg")
    desk = Desk(inbox, mode=mode)
    assert desk.settle() == ["sub/a.jpg"]
    subprocess.run(["umount", str(inbox)], check=True)
    desk.step(200.0, everything=True)
    (lost,) = desk.take(Lost)
    assert "no longer mounted" in lost.why
    write(inbox / "on-the-bare-mount-point.jpg")
    desk.step(205.0)
    desk.step(210.0)
    assert desk.gone() == []
    mounted(inbox)
    write(inbox / "b.jpg")
    desk.step(215.0)
    (back,) = desk.take(Back)
    assert back.mount.device == inbox.stat().st_dev
    assert desk.settle() == ["b.jpg"]
    assert desk.gone() == ["sub/a.jpg"]
    desk.scanner.ground.leave()


@pytest.mark.parametrize("mode", ["poll", "auto"])
def test_remounted_between_two_looks(
    inbox: Path, mounted: Callable[[Path], None], mode: str
) -> None:
    """A share that left and came back unseen is told as lost and back all the same."""
    mounted(inbox)
    write(inbox / "a.jpg")
    desk = Desk(inbox, mode=mode)
    desk.settle()
    subprocess.run(["umount", str(inbox)], check=True)
    mounted(inbox)
    write(inbox / "b.jpg")
    assert desk.settle() == ["b.jpg"]
    assert [len(desk.take(kind)) for kind in (Lost, Back)] == [1, 1]
    assert desk.gone() == ["a.jpg"]
    desk.scanner.ground.leave()


def test_mounted_over(desk: Desk, inbox: Path, mounted: Callable[[Path], None]) -> None:
    """A share that is mounted on the inbox after the start is taken up."""
    write(inbox / "local.jpg")
    desk.settle()
    mounted(inbox)
    write(inbox / "share.jpg")
    assert desk.settle() == ["share.jpg"]
    assert len(desk.take(Back)) == 1


def test_bind_mount_left(desk: Desk, inbox: Path, tmp_path: Path) -> None:
    """A bind mount of the same device that leaves is noticed, though the device is the same."""
    write(tmp_path / "data/a.jpg")
    mounting("mount", "--bind", str(tmp_path / "data"), str(inbox))
    try:
        assert desk.settle() == ["a.jpg"]
    finally:
        subprocess.run(["umount", str(inbox)], check=True)
    desk.step(200.0)
    assert len(desk.take(Lost)) == 1
    assert desk.gone() == []


def test_mount_inside(inbox: Path, mounted: Callable[[Path], None]) -> None:
    """A share within the inbox has a strategy of its own and comes and goes by itself."""
    (inbox / "nas").mkdir()
    mounted(inbox / "nas")
    write(inbox / "nas/deep/a.jpg")
    write(inbox / "b.jpg")
    desk = Desk(inbox)
    assert desk.settle() == ["b.jpg", "nas/deep/a.jpg"]
    assert [one.where for one in desk.take(Watching)] == ["", "nas"]
    subprocess.run(["umount", str(inbox / "nas")], check=True)
    desk.settle()
    desk.settle()
    assert desk.odd() == ["nas"]
    assert desk.gone() == []
    mounted(inbox / "nas")
    write(inbox / "nas/c.jpg")
    assert desk.settle() == ["nas/c.jpg"]
    assert desk.gone() == ["nas/deep/a.jpg"]
    assert [one.where for one in desk.take(Watching)] == ["nas"]
    assert desk.take(Lost) == []


def test_mount_inside_and_its_folder_left(inbox: Path, mounted: Callable[[Path], None]) -> None:
    """When a share is unmounted and its mount point removed, nothing is told as gone."""
    (inbox / "stick").mkdir()
    mounted(inbox / "stick")
    write(inbox / "stick/a.jpg")
    desk = Desk(inbox)
    assert desk.settle() == ["stick/a.jpg"]
    subprocess.run(["umount", str(inbox / "stick")], check=True)
    (inbox / "stick").rmdir()
    desk.settle()
    assert desk.gone() == []
    (inbox / "stick").mkdir()
    mounted(inbox / "stick")
    write(inbox / "stick/a.jpg")
    assert desk.settle() == ["stick/a.jpg"]


@pytest.mark.parametrize("mode", ["poll", "auto"])
def test_no_descriptor_is_kept(inbox: Path, mounted: Callable[[Path], None], mode: str) -> None:
    """Between two steps a share can be unmounted: neither watch nor descriptor holds it."""
    mounted(inbox)
    write(inbox / "sub/a.jpg")
    desk = Desk(inbox, mode=mode)
    desk.settle()
    done = subprocess.run(["umount", str(inbox)], capture_output=True, text=True, check=False)
    desk.scanner.ground.leave()
    assert done.returncode == 0, done.stderr


# --- inotify ------------------------------------------------------------------------------


def test_proved(ears: Desk) -> None:
    """On a local file system inotify is proved to work, without writing into the inbox."""
    before = ears.root.stat().st_mtime_ns
    ears.step()
    (told,) = ears.take(Watching)
    assert told.strategy == "inotify"
    assert told.why.startswith("proved: ")
    assert told.text.startswith("inotify, proved: ")
    assert ears.root.stat().st_mtime_ns == before


def test_heard(ears: Desk, inbox: Path) -> None:
    """New, overwritten, renamed and deleted files are heard of, without a pass."""
    due = ears.step()
    assert due == 130.0
    write(inbox / "a.jpg")
    ears.hear_until(lambda: len(ears.scanner.settler) == 1)
    ears.step(110.0)
    assert ears.settled() == ["a.jpg"]
    (inbox / "a.jpg").rename(inbox / "b.jpg")
    ears.hear_until(lambda: len(ears.scanner.settler) == 1)
    assert ears.gone() == ["a.jpg"]
    ears.step(120.0)
    assert ears.settled() == ["b.jpg"]
    (inbox / "b.jpg").unlink()
    ears.hear_until(lambda: ears.gone() == ["b.jpg"])


def test_folder_moved_in(ears: Desk, inbox: Path, tmp_path: Path) -> None:
    """A folder moved in is walked, and what is added to it later is heard of too."""
    ears.step()
    write(tmp_path / "new/deep/a.jpg")
    (tmp_path / "new").rename(inbox / "new")
    ears.hear_until(lambda: len(ears.scanner.settler) == 1)
    write(inbox / "new/deep/b.jpg")
    ears.hear_until(lambda: len(ears.scanner.settler) == 2)
    assert ears.settle() == ["new/deep/a.jpg", "new/deep/b.jpg"]


def test_folder_moved_about(ears: Desk, inbox: Path, tmp_path: Path) -> None:
    """A folder moved within the inbox is heard at its new place; moved out, it is gone."""
    write(inbox / "a/x.jpg")
    (inbox / "b").mkdir()
    ears.settle()
    (inbox / "a").rename(inbox / "b/a")
    ears.hear_until(lambda: len(ears.scanner.settler) == 1)
    ears.hear_until(lambda: "a" not in ears.scanner.tree.folders)
    write(inbox / "b/a/y.jpg")
    ears.hear_until(lambda: len(ears.scanner.settler) == 2)
    assert ears.settle() == ["b/a/x.jpg", "b/a/y.jpg"]
    ears.gone()
    (inbox / "b/a").rename(tmp_path / "out")
    ears.hear_until(lambda: ears.gone() == ["b/a/x.jpg", "b/a/y.jpg"])
    assert sorted(ears.scanner.tree.folders) == ["", "b"]


def test_ignored_folders_are_not_watched(ears: Desk, inbox: Path) -> None:
    """Ignored folders are pruned before they are watched."""
    (inbox / "@eaDir").mkdir()
    (inbox / "sub").mkdir()
    ears.step()
    assert len(ears.scanner.ground._hearing) == 2


def test_overflow(ears: Desk, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When events were lost everything is looked at, overwrites included; it is told once."""
    monkeypatch.setattr(inotify, "_MANY", 3)
    for number in range(20):
        write(inbox / f"{number}.jpg")
    assert len(ears.settle()) == 20
    for number in range(20):
        write(inbox / f"{number}.jpg", "larger")
    ears.hear_until(lambda: len(ears.scanner.settler) == 20)
    assert ears.take(Overflow) == [Overflow(str(inbox))]


def test_root_left_is_heard(ears: Desk, inbox: Path, tmp_path: Path) -> None:
    """A root that is moved away is noticed at once, not at the next pass."""
    ears.step()
    inbox.rename(tmp_path / "away")
    ears.hear_until(lambda: ears.take(Lost) != [])


def test_no_watches_left(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the limit of watches is reached the inbox is polled, which is told once."""
    for name in "abc":
        write(inbox / name / "x.jpg")
    real, calls = inotify.Watch.add, []

    def add(self: inotify.Watch, folder: int) -> inotify.Ear:
        calls.append(folder)
        if len(calls) > 2:
            raise OSError(28, "inotify watch limit reached")
        return real(self, folder)

    monkeypatch.setattr(inotify.Watch, "add", add)
    desk = Desk(inbox, mode="auto")
    assert desk.settle() == ["a/x.jpg", "b/x.jpg", "c/x.jpg"]
    first, second = desk.take(Watching)
    assert (first.strategy, second.strategy) == ("inotify", "poll")
    assert "max_user_watches" in second.why
    assert desk.scanner.ground._hearing == {}
    write(inbox / "a/y.jpg")
    assert desk.settle() == ["a/y.jpg"]
    desk.scanner.ground.leave()


def test_no_instances_left(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without inotify instances the inbox is polled, with the reason."""

    def refuse(*_: object) -> None:
        raise OSError(24, "inotify instance limit reached")

    monkeypatch.setattr(inotify.Watch, "__init__", refuse)
    desk = Desk(inbox, mode="auto")
    desk.step()
    (told,) = desk.take(Watching)
    assert told.strategy == "poll"
    assert "max_user_instances" in told.why


# --- how often ----------------------------------------------------------------------------


def test_poll_stretches_when_idle(desk: Desk, inbox: Path) -> None:
    """An idle inbox is polled less often, up to three times poll_s, and a file ends that."""
    at = desk.step()
    assert at == 105.0
    for _ in range(200):
        before, at = at, desk.step(at)
    assert at - before == pytest.approx(15.0)
    write(inbox / "a.jpg")
    desk.step(at)
    desk.step(at + 2)
    assert desk.step() == at + 5.0


def test_stopping(inbox: Path) -> None:
    """A stop ends even a long scan between two batches, and tells nothing half-done."""
    for number in range(5):
        write(inbox / f"{number}/x.jpg")
    desk = Desk(inbox, stopping=lambda: True)
    desk.step()
    assert desk.take(Scanned) == []


def test_an_entry_that_cannot_be_looked_at_keeps_nobody_waiting(
    desk: Desk, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told once; the photos beside it settle, and it does when it can be looked at."""
    names = ["a.jpg", "bad 1.jpg", "bad 2.jpg", "z.jpg"]
    for name in names:
        write(inbox / name)
    real = os.stat

    def stat(path: Any, **how: Any) -> os.stat_result:
        if str(path).startswith("bad"):
            raise OSError(errno.EIO, "Input/output error")
        return real(path, **how)

    monkeypatch.setattr(os, "stat", stat)
    assert desk.settle() == ["a.jpg", "z.jpg"]
    assert desk.settle() == []
    assert desk.odd() == ["bad 1.jpg", "bad 2.jpg"]
    monkeypatch.undo()
    assert desk.settle() == ["bad 1.jpg", "bad 2.jpg"]
    assert desk.odd() == []
