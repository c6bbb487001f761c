"""A daemon that started while its outbox's share was away put cut-outs below the mount point.

Where /etc/fstab does not name the share, nothing but having seen it tells the two apart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.pictures import valid


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A configuration whose outbox is a share."""
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    settings = {
        "state_dir": "state", "cache_dir": "cache", "model": {"name": "u2netp"},
        "watch": {"settle_s": 0},
        "inboxes": [{"path": "in", "outbox": "out"}],
    }  # fmt: skip
    (tmp_path / "nobgd.yaml").write_text(json.dumps(settings))
    if os.geteuid() != 0 or mount(tmp_path / "out") != 0:
        pytest.skip("mounting needs root")
    yield tmp_path
    while os.path.ismount(tmp_path / "out"):
        subprocess.run(["umount", "-l", str(tmp_path / "out")], check=True)


def mount(folder: Path) -> int:
    words = ["mount", "-t", "tmpfs", "-o", "size=8m", "nobgd-share", str(folder)]
    return subprocess.run(words, check=False, capture_output=True).returncode


def nobgd(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One verb, to its end."""
    command = [sys.executable, "-m", "nobgd", words[0], "-c", str(home / "nobgd.yaml"), *words[1:]]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


def test_a_share_that_is_away_at_the_start_is_waited_for(home: Path) -> None:
    """Nothing goes below it, the reason is said; mounted, or said to be moved, it goes on."""
    out = home / "out"
    (home / "in/1.jpg").write_bytes(valid(1))
    assert nobgd(home, "once").returncode == 0
    assert [each.name for each in out.iterdir()] == ["1_nobg.png"]
    subprocess.run(["umount", str(out)], check=True)
    (home / "in/2.jpg").write_bytes(valid(2))
    lost = nobgd(home, "once")
    assert lost.returncode != 0
    assert "is no longer mounted" in lost.stdout + lost.stderr
    assert list(out.iterdir()) == []
    assert mount(out) == 0
    assert nobgd(home, "once").returncode == 0
    assert (out / "2_nobg.png").exists()
    subprocess.run(["umount", str(out)], check=True)
    (home / "in/3.jpg").write_bytes(valid(3))
    assert nobgd(home, "resume", "--moved").returncode == 0
    assert nobgd(home, "once").returncode == 0
    assert (out / "3_nobg.png").exists()
