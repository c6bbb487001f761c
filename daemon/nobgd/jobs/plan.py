"""Photo, rules and what is known → a job, a skip, or nothing; pure.

Naming: ``<sub-folders>/<stem>_nobg.png`` (or .webp, .jpg).  When another photo owns that name,
the full name is used (``a.png_nobg.png``), and if that is taken too, the full name with eight
digits of a hash; then the full name with sixteen digits of the photo's own hash, which never run
out.
Names longer than 255 bytes are cut at a character's border and carry the hash.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass

from nobgd.fs import spelling
from nobgd.values import Photo, Rendering
from nobgd.values.article import an

RAW = frozenset({
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef",
    ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf",
    ".srw", ".x3f",
})  # fmt: skip
EXTENSIONS = RAW | {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".heic", ".heif", ".hif", ".avif", ".png", ".webp", ".tif",
    ".tiff", ".gif", ".bmp",
}  # fmt: skip
_JPEG, _HEIC = (".jpg", ".jpeg"), (".heic", ".heif", ".hif")
NAME_BYTES = 255  # NAME_MAX of every Linux file system that matters here
SPARE_BYTES = 24  # sixteen digits of the hash, and a number where that is taken too
BACKOFF_FIRST_S = 5.0
BACKOFF_LONGEST_S = 600.0
INTERRUPTIONS = 12  # a photo cut short this often is what brings the service down

_NOT_OURS = {
    ".psd": "Photoshop", ".psb": "Photoshop", ".xcf": "GIMP", ".svg": "SVG", ".pdf": "PDF",
    ".eps": "PostScript", ".ico": "ICO", ".jxl": "JPEG XL", ".jp2": "JPEG 2000",
}  # fmt: skip
_CALLED = {
    "JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "HEIF": ".heic",
    "AVIF": ".avif", "GIF": ".gif", "BMP": ".bmp", "RAW": ".dng",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger says of a photo, as far as planning needs it."""

    state: str
    same_file: bool  # size and mtime are those of the row
    same_recipe: bool
    disposed: bool = False
    touched: bool = False  # something was done to it that left size and mtime


def refusal(relpath: str, content: str | None = None) -> str | None:
    """Why a file with this name will never be a job; None if it may be.

    ``content`` is which of the formats a lane saw in it.
    """
    extension = os.path.splitext(relpath)[1].lower()
    if extension in EXTENSIONS:
        return None
    name = os.path.basename(relpath)
    if content in _CALLED:
        what = "a raw photo" if content == "RAW" else an(content)
        return f"{name} is {what} by its content; call it {_CALLED[content]} and it is done"
    if extension in _NOT_OURS:
        return f"{name} is {an(_NOT_OURS[extension])} file; export it as JPEG, PNG, WebP or TIFF"
    return (
        f"{name} is not named like a photo (.jpg, .heic, .png, .webp, .tif …); if it is a picture,"
        " export it as one of these"
    )


def todo(known: Known | None, source: str) -> str:
    """What is to be done with a settled photo: job | look | dispose | wait | nothing.

    ``source`` is the inbox's rule keep | archive | delete.  A row in ``retry`` waits for its
    time; a changed file or (for finished work) a changed recipe starts afresh.  One that was
    only touched is looked at, but where the original has gone it is another file.
    """
    if known is None or not known.same_file or known.disposed:
        return "job"  # one that had left and is there again is found in milliseconds
    match known.state:
        case "done" if not known.same_recipe or (known.touched and known.disposed):
            return "job"
        case "done" | "quarantined" if known.touched:
            return "look"
        case "done":
            return "dispose" if source != "keep" else "nothing"
        case "retry":
            return "wait"
        case "skipped":  # for its name by an older nobgd, or for the other of its pair: look again
            return "job"
        case _:  # trying, quarantined
            return "nothing"


def partners(relpath: str, pairs: str) -> tuple[str, ...]:
    """Names that the preferred file of the same shot may have; ``pairs`` is jpeg | raw | both.

    A camera calls both the same, but for the extension.
    """
    stem, extension = os.path.splitext(relpath)
    match pairs, extension.lower():
        case "jpeg", kind if kind in RAW or kind in _HEIC:
            others: tuple[str, ...] = _JPEG
        case "raw", kind if kind in _JPEG:
            others = (*sorted(RAW), *_HEIC)
        case _:
            return ()
    return tuple(stem + end for other in others for end in (other, other.upper()))


def outputs(relpath: str, suffix: str, end: str = ".png") -> tuple[str, str, str]:
    """The names an output may have, relative to the outbox, best first; ``end`` is its format's."""
    folder, name = os.path.split(relpath)
    stem = os.path.splitext(name)[0]
    digest = hashlib.sha256(os.fsencode(relpath)).hexdigest()[:8]
    tail = suffix + end
    names = (
        _fit(stem, tail, digest),
        _fit(name, tail, digest),
        _fit(name, f"-{digest}{tail}", digest),
    )
    return tuple(os.path.join(folder, each) for each in names)  # type: ignore[return-value]


def spare(relpath: str, suffix: str, end: str = ".png") -> tuple[str, str]:
    """What stands before and behind a photo's hash in the names for when `outputs` are taken.

    A scanner that says ``scan.jpg`` a thousand times has made a thousand photos; what tells
    them apart is what is in them, and that only the lane knows.
    """
    folder, name = os.path.split(relpath)
    digest = hashlib.sha256(os.fsencode(relpath)).hexdigest()[:8]
    tail = suffix + end
    fitted = _fit(name, f"-{'0' * SPARE_BYTES}{tail}", digest)
    return os.path.join(folder, fitted[: -len(tail) - SPARE_BYTES]), tail


def cut_outs(relpath: str, suffix: str, rendering: Rendering) -> tuple[str, ...]:
    """Where a plain cut-out of the photo may be that can be rendered: no more than a few names."""
    return outputs(relpath, suffix) if rendering.key else ()


def refused_name(output: str, names: Sequence[str], tail: str) -> str | None:
    """The name for which ``output`` has another spelling, as its disk does not take it; or None.

    Of a folder or of the output itself.  ``names``: its `outputs`, which end with ``tail``.
    """
    if output in names:
        return None  # nearly always, and spellings are dear
    spelt, plain = output.split("/"), names[0].split("/")
    for there, name in zip(spelt[:-1], plain[:-1], strict=False):
        if there != name and there in spelling.variants(name):
            return name
    for name in map(os.path.basename, names):
        if spelt[-1] in spelling.variants(name, tail):
            return name
    return None


def _fit(stem: str, tail: str, digest: str) -> str:
    if 4 * (len(stem) + len(tail)) <= NAME_BYTES:
        return stem + tail  # whatever its characters
    raw, end = os.fsencode(stem), os.fsencode(tail)
    if len(raw) + len(end) <= NAME_BYTES:
        return stem + tail
    end = b"~" + digest.encode() + end
    cut = raw[: NAME_BYTES - len(end)]
    while cut and _splits_character(raw, len(cut)):
        cut = cut[:-1]
    return os.fsdecode(cut + end)


def _splits_character(raw: bytes, at: int) -> bool:
    return at < len(raw) and raw[at] & 0xC0 == 0x80 and at > 0 and bool(raw[at - 1] & 0x80)


def inbox_key(path: str) -> str:
    """A short name of an inbox that gives nothing of its path away."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def urgent(photo: Photo) -> bool:
    """Whether the photo lies in an ``_urgent`` folder at the top of its inbox."""
    return photo.relpath.startswith("_urgent/")


def backoff_s(
    failures: int,
    chance: random.Random | None = None,
    *,
    first_s: float = BACKOFF_FIRST_S,
    longest_s: float = BACKOFF_LONGEST_S,
) -> float:
    """Seconds until the next try: doubling from 5 s to 10 min, with ±20 % jitter.

    The jitter keeps photos that failed together from coming back together.
    """
    plain = min(first_s * 2.0 ** min(max(failures - 1, 0), 20), longest_s)
    return plain * (chance or random).uniform(0.8, 1.2)


def resting(quiet_hours: Sequence[str], minute: int) -> str | None:
    """Why an inbox rests in this minute of the local day: the ``HH:MM-HH:MM`` it lies in, or None.

    A span whose end is not after its start goes over midnight.
    """
    for span in quiet_hours:
        start, end = (
            int(hours) * 60 + int(minutes)
            for hours, _, minutes in (side.strip().partition(":") for side in span.split("-"))
        )
        inside = start <= minute < end if start < end else minute >= start or minute < end
        if inside:
            return f"quiet hours {span}"
    return None
