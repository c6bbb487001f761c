"""Real file systems that do not take every name, on images of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

KINDS = ("ntfs", "exfat", "vfat")


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)


def _tools(kind: str) -> tuple[str, ...]:
    return {
        "ntfs": ("mkntfs", "ntfs-3g"),
        "exfat": ("mkfs.exfat", "losetup"),
        "vfat": ("mkfs.vfat", "losetup"),
    }[kind]


class MissingError(Exception):
    """Why it cannot be mounted here."""


@contextlib.contextmanager
def mounted(kind: str, folder: Path) -> Iterator[Path]:
    """A new file system of this kind, mounted on ``folder/disk``.  Raises `MissingError`."""
    if os.geteuid() != 0:
        raise MissingError("mounting needs root")
    for tool in _tools(kind):
        if shutil.which(tool) is None:
            packages = {"mkntfs": "ntfs-3g", "ntfs-3g": "ntfs-3g", "mkfs.exfat": "exfatprogs",
                        "mkfs.vfat": "dosfstools"}  # fmt: skip
            raise MissingError(f"there is no {tool} (Debian: {packages.get(tool, 'mount')})")
    image, point = folder / f"{kind}.img", folder / "disk"
    point.mkdir(parents=True, exist_ok=True)
    with image.open("wb") as file:
        file.truncate(64 << 20)
    loop = None
    try:
        if kind == "ntfs":
            _run("mkntfs", "-F", "-q", str(image))
            made = _run("ntfs-3g", "-o", "windows_names", str(image), str(point))
        else:
            _run(f"mkfs.{kind}", str(image))
            found = _run("losetup", "-f", "--show", str(image))
            loop = found.stdout.strip() if found.returncode == 0 else None
            if loop is None:
                raise MissingError(f"no loop device: {found.stderr.strip()}")
            made = _run("mount", "-t", kind, loop, str(point))
            if made.returncode and kind == "exfat" and shutil.which("mount.exfat-fuse"):
                made = _run("mount.exfat-fuse", loop, str(point))
        if not os.path.ismount(point):
            raise MissingError(f"{kind} cannot be mounted here: {made.stderr.strip()}")
        yield point
    finally:
        while os.path.ismount(point):
            _run("umount", "-l", str(point))
        if loop is not None:
            _run("losetup", "-d", loop)
