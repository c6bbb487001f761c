"""The lines of ``ignore:``, read as those of a .gitignore: the last that matches decides.

pathspec turns each line into a regular expression; which line decides is git's rule, asked for
one entry at a time: a folder that is ignored is not entered, so what lies in it is never asked
for.  Unlike git's on Linux, the lines do not mind the case, as the built-in rules do not.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

_ESCAPED = re.compile(r"([\\*?\[\]!# ])")
_ODD = re.compile(r"[^\S ]|[\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    takes: bool  # begins with !
    folders: bool  # ends with /
    regex: re.Pattern[str]


class Globs:
    """The lines of one inbox."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Raises ValueError for a line that can match nothing; see `checked`."""
        self._lines = [_compiled(line) for line in lines][::-1]
        self.takes = any(line.takes for line in self._lines)

    def __bool__(self) -> bool:
        return bool(self._lines)

    def verdict(self, relpath: str, *, is_dir: bool) -> tuple[str, bool] | None:
        """The line that decides on this entry itself, and whether it is ignored by it."""
        for line in self._lines:
            if line.folders and not is_dir:
                continue
            found = line.regex.match(relpath)
            if found is not None and not found.groupdict().get("ps_d"):  # else a folder above
                return line.text, not line.takes
        return None


def checked(line: str) -> str:
    """The line itself.  Raises ValueError with a sentence when it can match nothing."""
    _compiled(line)
    return line


def literal(name: str) -> str:
    """A name as a line that matches it and nothing else; an odd blank becomes ``?``."""
    return _ODD.sub("?", _ESCAPED.sub(r"\\\1", name))


def _compiled(line: str) -> _Line:
    if not line.strip("/ \t!"):
        raise ValueError(f"{line!r} names nothing; delete it")
    if line.startswith("#"):
        raise ValueError(
            f"{line!r} is a comment, as in a .gitignore; for names that begin with # write"
            f" '\\{line}'"
        )
    if "\n" in line or "\r" in line:
        raise ValueError(f"{line!r} holds the end of a line; write each pattern on its own")
    if "//" in line:
        raise ValueError(f"{line!r} holds //, as no path does; write one /")
    folders = line.endswith("/")
    pattern = _pattern(line, line.removesuffix("/"))
    text = pattern.pattern.removesuffix("|$)")
    text += r"|\Z)" if text != pattern.pattern else ""  # $ is before a name's last newline, too
    regex = re.compile(text, pattern.flags | re.IGNORECASE | re.DOTALL)
    return _Line(line, line.startswith("!"), folders, regex)


def _pattern(line: str, core: str) -> re.Pattern[str]:
    """What pathspec makes of it; imported here, as it takes 50 ms and few have such lines."""
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # [[:upper:]], of which pathspec knows nothing
            found = GitIgnoreSpecPattern(core).regex
    except (ValueError, re.error, FutureWarning):
        found = None
    if found is None:
        raise ValueError(
            f"{line!r} is no pattern that can match: a bracket without its end, or a backslash"
            " with nothing after it; write \\[ or \\\\ for the character itself"
        )
    return found
