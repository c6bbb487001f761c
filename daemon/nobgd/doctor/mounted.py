"""What the way in which a share is mounted does to photos that two machines work on; pure.

Sources: nfs(5), mount.cifs(8) with its section on cache coherency, mount(8) for FAT.  Nothing is
said of `nolock`, `local_lock` and `nobrl`: no lock of nobgd's has to be seen by another machine, as
temporary files are swept by their age there (`fs.sweeping`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_NFS, _CIFS, _FAT = ("nfs", "nfs4"), ("cifs", "smb3"), ("vfat", "msdos")
_NFS_USUAL_S = 60  # acregmax and acdirmax where nobody asks for others
_CIFS_MOST_S = 10  # 1 where nobody asks; a machine that does not see a file waits some seconds
_CACHED = ("actimeo", "acregmin", "acregmax", "acdirmin", "acdirmax")


def harm(fstype: str, options: Mapping[str, str], *, writes: bool) -> Iterator[tuple[bool, str]]:
    """Sentences with the way out, each with whether it does no harm, only costs time or care.

    ``options`` are those of `fs.mounts.options`; ``writes``: cut-outs are written there.
    """
    if writes and "ro" in options:
        yield False, "is mounted read-only (ro), and cut-outs are written there; mount it with rw"
    if fstype in _NFS:
        yield from _nfs(options)
    elif fstype in _CIFS:
        yield from _cifs(options)
    elif fstype in _FAT:
        says = f"{fstype} keeps times to 2 s, so a photo that is written twice within 2 s with"
        yield (
            True,
            f"{says} as many bytes counts as the first; another file system keeps them finer",
        )


def _nfs(options: Mapping[str, str]) -> Iterator[tuple[bool, str]]:
    for each in ("soft", "softerr"):
        if each in options:
            says = "by which data may be lost without a word when the server is slow (nfs(5))"
            yield False, f"is mounted with {each}, {says}; mount it with hard"
    if "nocto" in options:
        says = "by which an old copy of a changed photo may be read"
        yield False, f"is mounted with nocto, {says}; mount it without"
    if "noac" in options:
        yield True, "is mounted with noac, which makes each access slow; nobgd does not need it"
    elif (late_s := _cached_s(options)) > _NFS_USUAL_S:
        yield False, _late(late_s, "mount it without actimeo, acregmax and acdirmax")


def _cifs(options: Mapping[str, str]) -> Iterator[tuple[bool, str]]:
    if options.get("cache") == "loose":
        says = "by which old bytes may be read while others write (mount.cifs(8))"
        yield False, f"is mounted with cache=loose, {says}; mount it with cache=strict"
    if "nostrictsync" in options:
        says = "so a cut-out that is said to be done is lost when the server loses power"
        yield False, f"is mounted with nostrictsync, {says}; mount it without"
    if (late_s := _cached_s(options)) > _CIFS_MOST_S:
        yield False, _late(late_s, "mount it without actimeo, acregmax and acdirmax")


def _late(late_s: int, way_out: str) -> str:
    says = f"remembers for {late_s} s what it saw of files, so photos of other machines are"
    return f"{says} found late or in an older state; {way_out}"


def _cached_s(options: Mapping[str, str]) -> int:
    """For how long attributes may be remembered; 0: as usual."""
    said = [options.get(name, "") for name in _CACHED]
    return max((int(each) for each in said if each.isdigit()), default=0)
