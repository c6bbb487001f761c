"""The scanner's thread: it is woken, asked and stopped, and holds nobody up."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nobgd.intake.ignore import Ignore
from nobgd.intake.inbox import Inbox
from nobgd.intake.messages import Back, Gone, Lost, Message, Scanned, Settled, Watching

Mailbox = queue.SimpleQueue[Message]


@pytest.fixture
def mailbox() -> Mailbox:
    return queue.SimpleQueue()


@pytest.fixture
def inbox(tmp_path: Path, mailbox: Mailbox) -> Iterator[Inbox]:
    inbox = Inbox(
        str(tmp_path / "in"),
        ignore=Ignore(),
        settle_s=0.05,
        rescan_s=1000.0,
        poll_s=0.05,
        post=mailbox.put,
    )
    (tmp_path / "in").mkdir()
    yield inbox
    assert inbox.stop(20.0)


def until(mailbox: Mailbox, true: Callable[[Message], bool]) -> Message:
    while not true(message := mailbox.get(timeout=20)):
        pass
    return message


def settled(mailbox: Mailbox, relpath: str) -> Settled:
    message = until(
        mailbox,
        lambda one: isinstance(one, Settled) and relpath in [p.relpath for p in one.photos],
    )
    assert isinstance(message, Settled)
    return message


def test_life(inbox: Inbox, mailbox: Mailbox, tmp_path: Path) -> None:
    """A file dropped in is told without any pass; asked for, it is told again; then gone."""
    inbox.start()
    until(mailbox, lambda one: isinstance(one, Scanned))
    (tmp_path / "in/a.jpg").write_text("photo")
    settled(mailbox, "a.jpg")
    inbox.again(["a.jpg"])
    assert settled(mailbox, "a.jpg").photos[0].quiet_s >= 0.1
    (tmp_path / "in/a.jpg").unlink()
    assert until(mailbox, lambda one: isinstance(one, Gone)) == Gone(inbox.root, ("a.jpg",))


def test_wake(inbox: Inbox, mailbox: Mailbox) -> None:
    """To be woken is to scan."""
    inbox.start()
    until(mailbox, lambda one: isinstance(one, Scanned))
    inbox.wake()
    until(mailbox, lambda one: isinstance(one, Scanned))


def test_snapshot(inbox: Inbox, mailbox: Mailbox, tmp_path: Path) -> None:
    """What is said of an inbox follows its life."""
    seen = inbox.snapshot()
    assert (seen.state, seen.strategy, seen.device, seen.scan_age_s) == ("starting", "", None, None)
    (tmp_path / "in/a.jpg").write_text("photo")
    inbox.start()
    settled(mailbox, "a.jpg")
    until(mailbox, lambda one: isinstance(one, Scanned) and one.unsettled == 0)
    seen = inbox.snapshot()
    assert (seen.state, seen.files, seen.unsettled) == ("watching", 1, 0)
    assert seen.device == tmp_path.stat().st_dev
    assert seen.texts[0].startswith(seen.strategy)
    (tmp_path / "in").rename(tmp_path / "away")
    until(mailbox, lambda one: isinstance(one, Lost))
    seen = inbox.snapshot()
    assert seen.state == "lost"
    assert "not there" in seen.why
    (tmp_path / "away").rename(tmp_path / "in")
    until(mailbox, lambda one: isinstance(one, Back))


def test_many_files(inbox: Inbox, mailbox: Mailbox, tmp_path: Path) -> None:
    """Every file is told exactly once, in messages of at most 1,000."""
    for number in range(3000):
        os.close(os.open(tmp_path / f"in/{number}.jpg", os.O_CREAT | os.O_WRONLY, 0o600))
    inbox.start()
    told: list[str] = []
    while len(told) < 3000:
        message = mailbox.get(timeout=20)
        if isinstance(message, Settled):
            assert len(message.photos) <= 1000
            told += [photo.relpath for photo in message.photos]
    assert len(set(told)) == 3000


def test_hanging_share(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the share hangs, whoever asks or stops gets an answer at once, and is told."""
    hangs, back = threading.Event(), threading.Event()
    real = os.listdir

    def listdir(path: int) -> list[str]:
        hangs.set()
        assert back.wait(20)
        return real(path)

    monkeypatch.setattr(os, "listdir", listdir)
    ahead = [0.0]
    clock = inbox._clock
    inbox._clock = lambda: clock() + ahead[0]
    inbox.start()
    assert hangs.wait(20)
    inbox.wake()
    inbox.again(["a.jpg"])
    ahead[0] = 60.0
    seen = inbox.snapshot()
    assert seen.state == "stuck"
    assert "has not answered for 60 s" in seen.why
    assert not inbox.stop(0.01)
    back.set()


def test_bug(inbox: Inbox, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a bug in the scanner leaves an inbox unwatched for good."""
    real, calls = os.listdir, []

    def listdir(path: int) -> list[str]:
        calls.append(path)
        if len(calls) == 1:
            raise RuntimeError("a bug")
        return real(path)

    monkeypatch.setattr(os, "listdir", listdir)
    inbox.start()
    lost = until(mailbox, lambda one: isinstance(one, Lost))
    assert isinstance(lost, Lost)
    assert "a bug" in lost.why
    until(mailbox, lambda one: isinstance(one, Watching))
    until(mailbox, lambda one: isinstance(one, Scanned))


def test_stop_before_start(tmp_path: Path, mailbox: Mailbox) -> None:
    """An inbox that was never started can be stopped."""
    assert Inbox(str(tmp_path), ignore=Ignore(), post=mailbox.put).stop(0.0)
