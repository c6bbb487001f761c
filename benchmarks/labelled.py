"""Photos whose cut-outs by u2net were labelled by eye, and where they are.

`doubt_labels.csv` has a line for each: its name; ``good`` (it may go out as it is), ``bad`` (parts
missing, half transparent or the wrong thing) or ``no_subject`` (a texture, sky, landscape or scene
of which nobody could say what is to be cut out); where it comes from, and the start of its SHA-256,
by which it is known under any name.  The labels were made from contact sheets, over magenta, before
anything was measured.  No photo is in twice, none is a crop of another.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
LABELS = ("good", "bad", "no_subject")
OURS, INSTALLED = "nobgd", "scikit-image"  # what is here on a clean clone; the others are packages
_DIGITS = 16  # of the checksum
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A photo, as it is labelled."""

    name: str
    label: str
    source: str  # OURS, INSTALLED, or a package of Debian
    member: str  # the path in it; what follows a "!" is the path in a resource file of Qt
    sha256: str  # its first digits

    @property
    def held_out(self) -> bool:
        """Whether nothing may be tuned on it: one half, by the name alone."""
        return hashlib.sha256(self.name.encode()).digest()[-1] % 2 == 1

    @property
    def file(self) -> str:
        """What it is called in a folder of gathered photos."""
        return self.name + Path(self.member).suffix

    def fits(self, data: bytes) -> bool:
        """Whether these are its bytes."""
        return digits(data) == self.sha256


def digits(data: bytes) -> str:
    """What a photo is known by."""
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


def every() -> list[Labelled]:
    """All that are labelled."""
    with (HERE / "doubt_labels.csv").open(newline="") as lines:
        return [Labelled(**row) for row in csv.DictReader(lines)]


def found(folder: Path | None) -> Iterator[tuple[Labelled, bytes]]:
    """Those of them that are here: in the repository, in scikit-image, in ``folder``."""
    data = importlib.util.find_spec("skimage")
    roots = {OURS: ROOT}
    if data is not None and data.submodule_search_locations:
        roots[INSTALLED] = Path(data.submodule_search_locations[0])
    theirs = _by_digits(folder) if folder is not None else {}
    for each in every():
        path = theirs.get(each.sha256)
        if each.source in roots:
            path = roots[each.source] / each.member
        if path is None or not path.is_file():
            continue
        photo = path.read_bytes()
        if each.fits(photo):
            yield each, photo


def _by_digits(folder: Path) -> dict[str, Path]:
    return {
        digits(path.read_bytes()): path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in _SUFFIXES and path.is_file()
    }
