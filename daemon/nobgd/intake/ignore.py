"""Which names in an inbox are not photos, by rule; pure, and able to say which rule.

The built-in rules are what clients, NAS systems, sync programs and nobgd itself leave in
folders.  They do not care about case, because half of the clients do not.  A user's rule
is a glob as in .gitignore: without a slash it is matched against the name at any depth,
with one against the path from the inbox; ``**`` crosses folders, a trailing slash means
folders only.  A folder that is ignored is pruned: nothing below it is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

BUILT_IN = (
    "_PAUSE", "_RETRY", "_nobgd.txt",  # our own control files
    ".DS_Store", "._*", ".Trashes", "__MACOSX",  # Apple
    "Thumbs.db", "desktop.ini", "$RECYCLE.BIN", "System Volume Information",  # Windows
    "~$*",  # Office
    "@eaDir", "*@SynoEAStream", "#recycle", "@Recycle",  # Synology, QNAP
    ".stfolder", ".stversions", "~syncthing~*", ".syncthing.*",  # Syncthing
    ".nfs*", ".smbdelete*", ".fuse_hidden*",  # deleted, still open
    "*.part", "*.partial", "*.filepart", "*.crdownload", "*.tmp",  # under way
    ".*",  # hidden: rsync's .name.XXXXXX, our own temp files, everybody's
)  # fmt: skip


class Ignore:
    """The rules of one inbox: the built-in ones, its outputs' names, and the user's globs."""

    def __init__(self, globs: Sequence[str] = (), *, suffix: str = "_nobg") -> None:
        """Compile the rules; `suffix` is `output.suffix`, whose PNGs are never photos."""
        names = [(rule, _regex(rule), int(re.IGNORECASE)) for rule in BUILT_IN]
        if suffix:
            names.append((f"*{suffix}.png", ".*" + re.escape(suffix) + r"\.png", 0))
        user = [glob for glob in globs if glob.strip("/")]
        self._names = [
            (rule, re.compile(text, flags | re.DOTALL), False) for rule, text, flags in names
        ]
        self._names += [_compile(glob) for glob in user if "/" not in glob.rstrip("/")]
        self._paths = [_compile(glob) for glob in user if "/" in glob.rstrip("/")]
        built_in = "|".join(f"(?:{text})" for _, text, flags in names if flags)
        self._built_in = re.compile(built_in, re.IGNORECASE | re.DOTALL)
        self._others = [rule for rule in self._names if rule[0] not in BUILT_IN]

    def rule(self, relpath: str, is_dir: bool = False) -> str | None:
        """Return the rule by which this file or folder, or one above it, is ignored."""
        at = relpath.find("/")
        while at != -1:
            if (rule := self.own_rule(relpath[:at], True)) is not None:
                return rule
            at = relpath.find("/", at + 1)
        return self.own_rule(relpath, is_dir)

    def own_rule(self, relpath: str, is_dir: bool = False) -> str | None:
        """Return the rule that ignores this entry itself; the folders above are not asked."""
        name = relpath.rpartition("/")[2]
        names = self._others
        if self._built_in.fullmatch(name):
            names = self._names
        for rule, pattern, folders_only in names:
            if pattern.fullmatch(name) and (is_dir or not folders_only):
                return rule
        for rule, pattern, folders_only in self._paths:
            if pattern.fullmatch(relpath) and (is_dir or not folders_only):
                return rule
        return None


def _compile(glob: str) -> tuple[str, re.Pattern[str], bool]:
    try:
        pattern = re.compile(_regex(glob.strip("/")), re.DOTALL)
    except re.error:  # "[z-a]": no class, so the characters themselves
        pattern = re.compile(re.escape(glob.strip("/")), re.DOTALL)
    return glob, pattern, glob.endswith("/")


def _regex(glob: str) -> str:
    """Translate a glob; ``*`` and ``?`` stay inside one name, ``**`` crosses folders."""
    out, at = [], 0
    while at < len(glob):
        if glob.startswith("**/", at) and (at == 0 or glob[at - 1] == "/"):
            out.append("(?:.*/)?")
            at += 3
        elif glob.startswith("**", at):
            out.append(".*")
            at += 2
        elif glob[at] == "*":
            out.append("[^/]*")
            at += 1
        elif glob[at] == "?":
            out.append("[^/]")
            at += 1
        elif glob[at] == "[" and (end := glob.find("]", at + 2)) != -1:
            inside = glob[at + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            out.append(f"[^{inside[1:]}]" if inside[0] in "!^" else f"[{inside}]")
            at = end + 1
        else:
            out.append(re.escape(glob[at]))
            at += 1
    return "".join(out)
