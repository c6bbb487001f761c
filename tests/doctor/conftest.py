"""A configuration whose folders can be spoiled one by one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from broker.conftest import broker
from nobgd import config

__all__ = ["broker"]

Mount = Callable[[Path, str], Path]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """In, out, state and cache; readable for all, as the service's user looks at them too."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to("/tmp/pytest-of-root") or folder == tmp_path:
            folder.chmod(0o755)
    for name in ("in", "out", "state", "cache"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def settings(home: Path) -> config.Config:
    """The small model, one inbox."""
    path = home / "nobgd.yaml"
    path.write_text(
        "state_dir: state\ncache_dir: cache\nmodel: {name: u2netp}\n"
        "inboxes: [{path: in, outbox: out}]\n"
    )
    return config.load(path)


@pytest.fixture
def mount() -> Iterator[Mount]:
    """A tmpfs with options over a folder, taken away afterwards."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    done: list[Path] = []

    def mounted(folder: Path, options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"mounting is not possible here: {made.stderr.strip()}")
        done.append(folder)
        return folder

    yield mounted
    for folder in reversed(done):
        subprocess.run(["umount", "-l", str(folder)], check=True)
