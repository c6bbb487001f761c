"""What systems, NAS boxes and programs leave in folders beside the photos, by kind.

Each kind is a few globs with ``*`` and ``?``, for names of anything or of folders alone, without
regard to case, as half of the clients have none.  An earlier rule is the one that is named.
docs/ignored.md shows this table; ``python -m nobgd.intake.leftovers`` prints it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """Names that are left out for one reason."""

    what: str
    why: str
    anything: tuple[str, ...] = ()  # globs for files and folders alike
    folders: tuple[str, ...] = ()  # globs for folders: nothing below is looked at
    ours: bool = False  # no line of a user's brings these back
    doubtful: bool = False  # may be a person's own folder: said once in the log


KINDS = (
    Kind(
        "nobgd's own", "they steer, or are under way",
        ("_PAUSE", "_RETRY", "_nobgd.txt", ".nobgd-*"), ours=True,
    ),
    Kind(
        "trash", "somebody threw it away",
        ("$RECYCLE.BIN", ".Trashes", ".Trash-*", ".Trash"),
        ("RECYCLER", "#recycle", "@Recycle", ".Recycle.Bin", ".recycle", "trashbox",
         "Network Trash Folder", "files_trashbin", ".dtrash"),
    ),
    Kind("trash of old Windows", "somebody threw it away", (), ("RECYCLED",), doubtful=True),
    Kind(
        "snapshots and old versions", "each holds every photo once more",
        (),
        ("#snapshot*", "@Recently-Snapshot", "@GMT-*", "~snapshot*", ".snapshot*", ".zfs", ".snap",
         ".ckpt", "files_versions", ".stversions", "*.backupdb"),
    ),
    Kind(
        "libraries and catalogues", "a program's own store: originals, edits and previews mixed",
        (),
        ("*.photoslibrary", "*.photolibrary", "*.migratedphotolibrary", "*.aplibrary",
         "*.migratedaplibrary", "*.apvault", "*.apimportlibrary", "iPhoto Library",
         "Photo Booth Library", "*.lrlibrary", "*.cocatalog", "*.fcpbundle", "*.fcpproject",
         "*.imovielibrary", "*.theater", "*.tvlibrary", "*.musiclibrary"),
    ),
    Kind(
        "previews, thumbnails and caches", "small or doubled versions that programs make",
        ("Thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "SYNOPHOTO_THUMB_*",
         "SYNOFILE_THUMB_*", "*@SynoEAStream", "*@SynoResource", "ZbThumbnail.info"),
        ("@eaDir", "@__thumb", ".@__thumb", ".thumbnails", "*.lrdata", "*.lrcat-data",
         "CaptureOne", "*.fcpcache", "mipmaps-*.d", ".picasaoriginals", "[Originals]",
         "pwg_representative", "appdata_oc*", "_gsdata_", ".dropbox.cache", "node_modules",
         "__pycache__"),
    ),
    Kind(
        "folders that a Mac shows as one document", "a document's or program's own pictures",
        (),
        ("*.app", "*.bundle", "*.framework", "*.plugin", "*.xcassets", "*.rtfd", "*.pages",
         "*.numbers", "*.key", "*.band", "*.logicx", "*.pkg", "*.sparsebundle", "*.backupbundle"),
        doubtful=True,
    ),
    Kind(
        "downloads and copies under way", "they get their name when they are whole",
        ("~syncthing~*", ".syncthing.*", "*.part", "*.partial", "*.filepart",
         "*.crdownload", "*.download", "*.opdownload",
         "*.dtapart", "*.fdmdownload", "*.downloading", "*.uploading", "*.incomplete",
         "*.unfinished", "*.aria2", "*.!ut", "*.!qB", "*.!bt", "*.bc!", "*.!sync", "*.xltd",
         "*.ytdl", "*.inprogress", "*.tmp", "*.temp", "*_exiftool_tmp", "*.sb-????????-??????"),
    ),
    Kind(
        "locks and records of editors and sync programs", "no pictures of yours",
        ("~$*", "*.ffs_db", "*.ffs_lock", "*.ffs_tmp"),
    ),
    Kind(
        "marks of systems and sync programs", "no pictures",
        (".DS_Store", "._*", "Icon\r", "desktop.ini", "Picasa.ini", ".stfolder", ".nfs*",
         ".smbdelete*", ".fuse_hidden*"),
        ("__MACOSX", "System Volume Information", "lost+found", "FOUND.00?", "Temporary Items",
         "TheVolumeSettingsFolder"),
    ),
    Kind(
        "a NAS's own folders", "Synology, QNAP and others begin theirs with these characters",
        (), ("@*", "#*"), doubtful=True,
    ),
    Kind("hidden", "the rule of every Unix: clients, rsync and sync programs hide what is theirs",
         (".*",)),
)  # fmt: skip


class Names:
    """Globs made ready: one question for a name that none matches, which is nearly every one."""

    def __init__(self, globs: Iterable[str]) -> None:
        exact, prefixes, suffixes = set(), [], []
        self._others: list[tuple[str, re.Pattern[str]]] = []
        for glob in (glob.lower() for glob in globs):
            if _plain(glob):
                exact.add(glob)
            elif _plain(glob[1:]) and glob[0] == "*":
                suffixes.append(glob[1:])
            elif _plain(glob[:-1]) and glob[-1] == "*":
                prefixes.append(glob[:-1])
            else:
                needed = max(re.split(r"[*?]", glob), key=len)
                self._others.append((needed, re.compile(_regex(glob), re.DOTALL)))
        self._exact = frozenset(exact)
        self._prefixes, self._suffixes = tuple(prefixes), tuple(suffixes)
        # A look into two sets is cheaper than one at every glob.
        self._heads = frozenset(each[:1] for each in (*exact, *prefixes))
        self._tails = frozenset(suffix[-3:] for suffix in suffixes)
        self._short = tuple(suffix for suffix in suffixes if len(suffix) < 3)

    def match(self, name: str) -> bool:
        """Whether one of the globs matches this name, which is in lower case."""
        if name[:1] in self._heads and (name in self._exact or name.startswith(self._prefixes)):
            return True
        if name[-3:] in self._tails and name.endswith(self._suffixes):
            return True
        if name.endswith(self._short):
            return True
        for part, regex in self._others:  # noqa: SIM110 - a generator would cost a third more
            if part in name and regex.fullmatch(name):
                return True
        return False


def _plain(text: str) -> bool:
    return "*" not in text and "?" not in text


def _regex(glob: str) -> str:
    return re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")


ANYTHING = Names(glob for kind in KINDS for glob in kind.anything)
FOLDERS = Names(glob for kind in KINDS for glob in (*kind.anything, *kind.folders))


def rule(name: str, *, is_dir: bool) -> str | None:
    """The glob by which something of this name is left out, None for nearly every name."""
    lower = name.lower()
    if not (FOLDERS if is_dir else ANYTHING).match(lower):
        return None
    return next(
        glob
        for kind in KINDS
        for glob in (*kind.anything, *(kind.folders if is_dir else ()))
        if _one(glob).match(lower)
    )


@functools.cache
def _one(glob: str) -> Names:
    return Names([glob])


def kind_of(glob: str) -> Kind | None:
    """The kind that a rule belongs to; None for a rule that is not built in."""
    return next((kind for kind in KINDS if glob in (*kind.anything, *kind.folders)), None)


def table() -> str:
    """The kinds as a table in Markdown, for docs/ignored.md."""
    lines = ["| what | why | files and folders | folders |", "|---|---|---|---|"]
    for kind in KINDS:
        cells = (" ".join(f"`{glob}`" for glob in globs) for globs in (kind.anything, kind.folders))
        lines.append(f"| {kind.what} | {kind.why} | {' | '.join(cells)} |".replace("\r", "␍"))
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())  # noqa: T201 - that is what it is for
