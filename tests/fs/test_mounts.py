"""Which file system a folder lies on, and what follows from it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from nobgd.fs import mounts
from nobgd.values import Code, NobgdError
from nobgd.values.mount import Mount

MOUNTINFO = rb"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 27 0:45 / /mnt/my\040nas rw,relatime shared:7 master:2 - nfs4 nas:/p\134x rw,vers=4.2
31 27 0:46 /sub /srv/\303\244 rw - fuse.sshfs me@there: rw,user_id=0
32 27 0:47 / /home rw - overlay overlay rw,lowerdir=/a,upperdir=/b
broken line
"""
ROOT = Mount(1, 27, "/", "ext4", "/dev/vda")
NAS = Mount(2, 30, "/mnt/nas", "nfs4", "nas:/photos")


def test_parse() -> None:
    """Octal escapes, optional fields, bind mounts and names in any encoding are read."""
    seen = mounts.parse(MOUNTINFO)
    assert sorted(seen) == [22, 27, 30, 31, 32]
    assert seen[30] == Mount(os.makedev(0, 45), 30, "/mnt/my nas", "nfs4", "nas:/p\\x")
    assert seen[31].mountpoint == "/srv/ä"
    assert seen[27].source == "/dev/vda"


def test_identify(tmp_path: Path) -> None:
    """A folder, its descriptor and its parent's descriptor lead to the same mount."""
    (tmp_path / "a").mkdir()
    found = mounts.identify(str(tmp_path / "a"))
    assert found.device == tmp_path.stat().st_dev
    assert str(tmp_path.resolve()).startswith(found.mountpoint)
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert mounts.identify(fd) == mounts.identify(fd, "a") == found
    finally:
        os.close(fd)


def test_identify_proc() -> None:
    """A mount point belongs to what is mounted on it."""
    assert mounts.identify("/proc").fstype == "proc"


@pytest.mark.parametrize(
    ("fstype", "strategy"),
    [
        ("ext4", "inotify"),
        ("btrfs", "inotify"),
        ("tmpfs", "inotify"),
        ("overlay", "inotify"),
        ("fuseblk", "inotify"),
        ("nfs", "poll"),
        ("nfs4", "poll"),
        ("cifs", "poll"),
        ("smb3", "poll"),
        ("fuse.sshfs", "poll"),
        ("fuse.mergerfs", "poll"),
        ("fuse", "poll"),
        ("9p", "poll"),
        ("virtiofs", "poll"),
        ("ceph", "poll"),
        ("something-new", "poll"),
    ],
)
def test_strategy(fstype: str, strategy: str) -> None:
    """Local file systems are listened to; those that others write to are polled."""
    mount = replace(ROOT, fstype=fstype)
    found, why = mounts.strategy(mount, "auto")
    assert found == strategy
    assert fstype in why
    assert not (mount.local and mount.network)


def test_strategy_as_configured() -> None:
    """The configuration's word counts, and its price is named."""
    assert mounts.strategy(ROOT, "poll")[0] == "poll"
    strategy, why = mounts.strategy(NAS, "inotify")
    assert strategy == "inotify"
    assert "rescan" in why


@pytest.mark.parametrize(
    ("now", "there"),
    [
        (NAS, True),
        (replace(NAS, device=9, mount_id=40), True),  # mounted anew
        (replace(NAS, device=9, mount_id=40, mountpoint="/mnt/nas/inbox"), True),
        (ROOT, False),  # the bare mount point
        (replace(NAS, mount_id=41, mountpoint="/mnt"), False),
        (replace(NAS, mount_id=42, mountpoint="/mnt/nas2"), False),
        (replace(NAS, mount_id=-1), True),  # no /proc: the device is all there is
        (replace(ROOT, mount_id=-1), False),
    ],
)
def test_judge(now: Mount, there: bool) -> None:
    """A share has left when its mount point carries no mount any more."""
    assert (mounts.judge(NAS, now) is None) is there


def test_judge_bind_mount() -> None:
    """A bind mount of the same device that left is noticed by its mount id."""
    bound = replace(ROOT, mount_id=50, mountpoint="/in")
    why = mounts.judge(bound, ROOT)
    assert why == "/dev/vda (ext4) is no longer mounted on /in"


def test_share_that_comes_later() -> None:
    """A share mounted over the folder after the start is taken for the folder."""
    assert mounts.judge(ROOT, NAS) is None


def test_unmounted(tmp_path: Path) -> None:
    """An entry of fstab that covers a folder and is not mounted makes it missing."""
    point = tmp_path / "my nas"
    (point / "inbox").mkdir(parents=True)
    fstab = tmp_path / "fstab"
    escaped = str(point).replace(" ", "\\040")
    fstab.write_text(f"# {point}\n\n/dev/x / ext4 x\nnone none swap sw\nnas:/p {escaped} nfs x\n")
    why = mounts.unmounted(str(point / "inbox"), str(fstab))
    assert why is not None
    assert why.startswith(f"nas:/p belongs on {point} ")
    assert mounts.unmounted(str(point), str(fstab)) == why
    assert mounts.unmounted(str(tmp_path), str(fstab)) is None
    assert mounts.unmounted(str(tmp_path / "my nas2"), str(fstab)) is None
    assert mounts.unmounted(str(point), str(tmp_path / "no-fstab")) is None


def test_mounted(tmp_path: Path) -> None:
    """An entry of fstab that is mounted is no reason to wait."""
    fstab = tmp_path / "fstab"
    fstab.write_text("proc /proc proc defaults 0 0\n")
    assert mounts.unmounted("/proc/self", str(fstab)) is None


def test_open_root(tmp_path: Path) -> None:
    """A folder is opened when it lies on the mount seen before, and refused as gone when not."""
    mount = mounts.identify(str(tmp_path))
    os.close(mounts.open_root(str(tmp_path), mount))
    os.close(mounts.open_root(str(tmp_path), None))
    left = replace(mount, mountpoint="/gone", mount_id=0)
    for root, wanted in ((tmp_path, left), (tmp_path / "no", None)):
        with pytest.raises(NobgdError) as caught:
            mounts.open_root(str(root), wanted)
        assert caught.value.code is Code.GONE_AWAY


def test_a_bound_folder_that_left_is_not_opened(tmp_path: Path) -> None:
    """What lies below it has the same st_dev; mounted again, it is the folder."""
    (tmp_path / "disk").mkdir()
    root = tmp_path / "in"
    root.mkdir()
    words = ["mount", "--bind", str(tmp_path / "disk"), str(root)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    try:
        mount = mounts.identify(str(root))
        os.close(mounts.open_root(str(root), mount))
        subprocess.run(["umount", str(root)], check=True)
        assert root.stat().st_dev == mount.device
        with pytest.raises(NobgdError, match="no longer mounted"):
            mounts.open_root(str(root), mount)
        subprocess.run(words, check=True)
        os.close(mounts.open_root(str(root), mount))
    finally:
        subprocess.run(["umount", "-l", str(root)], check=False, capture_output=True)


def test_what_a_path_lies_on_is_read_from_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deepest and latest mount above it, whether it is there or not; nothing is opened."""
    here = mounts.above(str(tmp_path / "not there"))
    assert here is not None
    assert here.mount_id == mounts.identify(str(tmp_path)).mount_id
    below = mounts.above("/proc/../proc/self/nothing")
    assert below is not None
    assert below.fstype == "proc"
    nas = Mount(1, 40, "/mnt/nas", "nfs4", "nas:/a")
    table = [Mount(1, 1, "/", "ext4", ""), nas, replace(nas, mount_id=41, fstype="cifs")]
    monkeypatch.setattr(mounts, "parse", lambda _: {each.mount_id: each for each in table})
    found = [mounts.above(each) for each in ("/mnt/nas/in", "/mnt/nas", "/mnt/nas2/in", "/srv")]
    assert [each and each.fstype for each in found] == ["cifs", "cifs", "ext4", "ext4"]
    (tmp_path / "far").symlink_to("/mnt/nas/in")
    (tmp_path / "beside").symlink_to(f"../{tmp_path.name}/far/")
    (tmp_path / "round").symlink_to("round")
    found = [mounts.above(str(tmp_path / each)) for each in ("far", "beside/2024", "round", "none")]
    assert [each and each.fstype for each in found] == ["cifs", "cifs", "ext4", "ext4"]


def test_a_link_on_a_share_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hang."""

    def refused(path: str) -> str:
        raise AssertionError(path)

    monkeypatch.setattr(os, "readlink", refused)
    table = [Mount(1, 1, "/", "unknown", ""), Mount(1, 2, "/mnt/nas", "nfs4", "")]
    monkeypatch.setattr(mounts, "parse", lambda _: {each.mount_id: each for each in table})
    found = mounts.above("/mnt/nas/link/in")
    assert found is not None
    assert found.fstype == "nfs4"
