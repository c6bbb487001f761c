"""What a way to mount does to photos that two machines work on, with the way out."""

from __future__ import annotations

import pytest

from nobgd.doctor import mounted
from nobgd.fs import mounts

# lines as kernels write them, each of a mount that does harm or of one that does none
INFO = rb"""40 22 0:50 / /mnt/in rw,relatime shared:1 - nfs4 nas:/in rw,vers=4.2,hard,timeo=600
41 22 0:51 / /mnt/out ro,noatime - nfs4 nas:/out rw,vers=4.2,soft,acregmax=120,lookupcache=pos
42 22 0:52 / /mnt/a\040b rw - cifs //nas/a rw,vers=3.1.1,cache=strict,soft,nobrl,actimeo=1
"""


def _said(fstype: str, options: str, *, writes: bool = True) -> list[tuple[bool, str]]:
    found = dict(each.partition("=")[::2] for each in options.split(","))
    return list(mounted.harm(fstype, found, writes=writes))


@pytest.mark.parametrize(
    ("fstype", "options", "says"),
    [
        ("nfs4", "rw,soft", "mounted with soft, by which data may be lost"),
        ("nfs", "rw,softerr", "mounted with softerr, by which data may be lost"),
        ("nfs", "rw,hard,nocto", "an old copy of a changed photo may be read; mount it without"),
        ("nfs4", "rw,hard,acdirmax=600", "remembers for 600 s what it saw"),
        ("nfs4", "rw,hard,acregmin=61,acregmax=61", "remembers for 61 s"),
        ("cifs", "rw,cache=loose,actimeo=1", "mount it with cache=strict"),
        ("smb3", "rw,cache=strict,nostrictsync", "is lost when the server loses power"),
        ("cifs", "rw,cache=strict,actimeo=30", "remembers for 30 s"),
        ("ext4", "ro", "mount it with rw"),
        ("nfs4", "hard,ro", "mount it with rw"),
    ],
)
def test_what_does_harm_is_a_fault_with_its_way_out(fstype: str, options: str, says: str) -> None:
    """One sentence for one option."""
    ((good, said),) = _said(fstype, options)
    assert not good
    assert says in said


@pytest.mark.parametrize(
    ("fstype", "options"),
    [
        ("nfs4", "rw,vers=4.2,hard,proto=tcp,timeo=600,local_lock=none"),
        ("nfs", "rw,hard,nolock,local_lock=all"),
        ("nfs4", "rw,hard,acregmax=60,acdirmax=60,lookupcache=none"),
        ("cifs", "rw,soft,cache=strict,nobrl,actimeo=1,closetimeo=1"),
        ("cifs", "rw,cache=none,acregmax=5,acdirmax=10"),
        ("ext4", "rw,soft,nocto,cache=loose,actimeo=600"),
        ("tmpfs", "rw"),
    ],
)
def test_what_does_none_is_not_spoken_of(fstype: str, options: str) -> None:
    """Nor are options of other file systems, or locks that no other machine has to see."""
    assert _said(fstype, options) == []


def test_what_only_costs_is_no_fault() -> None:
    """It is said all the same."""
    ((good, says),) = _said("nfs4", "rw,hard,noac,acregmax=600")
    assert good
    assert "makes each access slow" in says
    ((good, says),) = _said("vfat", "rw")
    assert good
    assert "keeps times to 2 s" in says


def test_a_share_that_nobody_writes_to_may_be_read_only() -> None:
    """An inbox whose photos are kept."""
    assert _said("nfs4", "ro,hard", writes=False) == []


def test_the_options_are_the_mounts_and_its_file_systems() -> None:
    """Those of each line of mountinfo; none of a mount that is not there."""
    first, second = mounts.parse_options(INFO, 40), mounts.parse_options(INFO, 41)
    assert list(mounted.harm("nfs4", first, writes=True)) == []
    assert second["acregmax"] == "120"
    assert len(list(mounted.harm("nfs4", second, writes=True))) == 3
    assert mounts.parse_options(INFO, 42)["actimeo"] == "1"
    assert mounts.parse_options(INFO + b"43 damaged\n", 43) == {}
    assert "rw" in mounts.options(mounts.identify("/"))
