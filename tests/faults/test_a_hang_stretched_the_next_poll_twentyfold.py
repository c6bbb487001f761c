"""After a share had hung for ten seconds, it was not looked at again for two hundred.

The pause between polls grows with the time that a pass takes, so that a large slow share is
not read all the time; the time of a hang was taken for such a time.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nobgd.intake.ignore import Ignore
from nobgd.intake.scanner import Scanner
from nobgd.intake.tree import Folder


class Hanging:
    """A scanner whose passes take as long as they are told."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.takes_s = 0.0, 0.0
        self.scanner = Scanner(
            str(root), recursive=True, ignore=Ignore(), mode="poll", settle_s=2.0, rescan_s=30.0,
            poll_s=5.0, post=lambda _: None, clock=lambda: self.now,
        )  # fmt: skip
        walk = self.scanner.look.walk

        def slow(root: int, folders: list[Folder]) -> None:
            self.now += self.takes_s if folders else 0.0
            walk(root, folders)

        monkeypatch.setattr(self.scanner.look, "walk", slow)

    def waits_after(self, takes_s: float) -> float:
        """Seconds until the next pass is due, after one that took so long."""
        self.takes_s = takes_s
        return self.scanner.step(everything=True) - self.now


def test_a_share_that_hung_once_is_polled_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass of a minute among short ones changes nothing."""
    hanging = Hanging(tmp_path, monkeypatch)
    assert hanging.waits_after(0.0) == pytest.approx(5.0)
    assert hanging.waits_after(60.0) == pytest.approx(5.0)
    assert hanging.waits_after(0.0) == pytest.approx(5.0)


def test_a_share_that_is_always_slow_is_polled_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty times as long as a pass takes."""
    hanging = Hanging(tmp_path, monkeypatch)
    hanging.waits_after(2.0)
    assert hanging.waits_after(2.0) == pytest.approx(40.0)
