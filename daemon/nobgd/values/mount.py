"""The mount that a folder lies on, as a plain value; how it is found out: `fs.mounts`."""

from __future__ import annotations

import json
from dataclasses import dataclass

_NETWORK = (
    "nfs nfs4 cifs smb3 smbfs 9p virtiofs afs ceph glusterfs lustre gpfs beegfs ocfs2 gfs2 "
    "orangefs coda ncpfs vboxsf prl_fs drvfs acfs davfs"
)
_LOCAL = (
    "ext2 ext3 ext4 xfs btrfs zfs tmpfs ramfs f2fs bcachefs overlay aufs vfat msdos exfat ntfs3 "
    "ntfs fuseblk hfs hfsplus apfs jfs reiserfs nilfs2 ubifs jffs2 iso9660 udf squashfs erofs "
    "ecryptfs minix rootfs devtmpfs"
)


_NONE = -1  # no device


@dataclass(frozen=True, slots=True)
class Mount:
    """The mount a folder lies on, as seen by this process now."""

    device: int  # st_dev of the folder (on btrfs not the one in mountinfo)
    mount_id: int  # changes with every mount, also of the same device; -1: unknown
    mountpoint: str
    fstype: str
    source: str

    @property
    def network(self) -> bool:
        """True when others can change files here without this kernel noticing."""
        return self.fstype in _NETWORK.split() or self.fstype.split(".")[0] == "fuse"

    def to_remember(self) -> str:
        """What of it holds after a restart, as text; see `recall`."""
        return json.dumps([self.mountpoint, self.fstype, self.source])

    @property
    def remembered(self) -> bool:
        """Whether it is of an earlier run."""
        return self.device == _NONE

    @property
    def local(self) -> bool:
        """True when all changes are known to go through this kernel."""
        return self.fstype in _LOCAL.split()


def recall(text: str | None) -> Mount | None:
    """A mount of an earlier run by what was `Mount.remembered`; None for what is no such text.

    Device and id are those of no mount: only where it was mounted is known.
    """
    try:
        point, fstype, source = map(str, json.loads(text or ""))
    except ValueError:
        return None
    return Mount(_NONE, 0, point, fstype, source)
