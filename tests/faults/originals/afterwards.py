"""What must be true when nobody writes any more and nobgd has come to rest.

Everything is looked up on the disk: which bytes lie in which folder, and by the note in each PNG
whose cut-out it is.  Of what nobgd says only promises count, and what it repeats.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults import refuges
from faults.originals.place import Place
from faults.originals.versions import Version
from faults.outputs import apart, without_note
from nobgd.picture import provenance

Finding = tuple[str, str]  # kind, what
# What was unlinked while it was open: libfuse renames it, and unlinks it at the last close, which
# may meet the fault.  It counts as gone.
_UNLINKED = ".fuse_hidden"


@dataclass(slots=True)
class Seen:
    """Every file of a place."""

    inbox: list[dict[str, str]]  # for each: relpath → SHA-256
    archive: dict[str, str]  # path → SHA-256
    quarantine: dict[str, str]
    cuts: dict[str, provenance.Note]  # path of each whole output, in the outbox or taken
    torn: list[str] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)  # path → the output without note

    @staticmethod
    def of(place: Place) -> Seen:
        """As it is now."""
        seen = Seen(
            [_digests(each.base) for each in place.inboxes],
            _below([each.base for each in place.archives]),
            _below(place.quarantines()),
            {},
        )
        for root in (place.outbox.base, place.taken):
            for path in _walk(root):
                with contextlib.suppress(OSError), open(path, "rb") as stream:
                    said = provenance.find(stream.read(provenance.HEAD_BYTES))
                    stream.seek(0)
                    if said is None or not provenance.whole(stream):
                        seen.torn.append(path)
                        continue
                    stream.seek(0)
                    seen.cuts[path] = said
                    seen.pictures[path] = without_note(stream.read())
        return seen


def _walk(root: Path) -> Iterator[str]:
    for folder, _, files in os.walk(root):
        for name in files:
            if not name.startswith(_UNLINKED):
                yield os.path.join(folder, name)


def _below(roots: list[Path]) -> dict[str, str]:
    return {
        os.path.join(root, name): digest
        for root in roots
        for name, digest in _digests(root).items()
    }


def _digests(root: Path) -> dict[str, str]:
    found = {}
    for path in _walk(root):
        with contextlib.suppress(OSError), open(path, "rb") as stream:
            found[os.path.relpath(path, root)] = hashlib.sha256(stream.read()).hexdigest()
    return found


def events(place: Place) -> Iterator[tuple[int, dict[str, Any] | None, bytes]]:
    """(machine, event or None, line) of every log."""
    for number, house in enumerate(place.houses):
        for line in house.log.read_bytes().splitlines():
            try:
                event = json.loads(line)
                yield number, event if isinstance(event, dict) else None, line
            except ValueError:
                yield number, None, line


def violations(
    place: Place, versions: list[Version], seen: Seen, truth: dict[str, bytes]
) -> list[Finding]:
    """What does not hold.

    ``truth`` is SHA-256 of a photo → its output without note, and is filled here.
    """
    return [
        *_lost(place, versions, seen),
        *_doubled(place, versions, seen),
        *_left(place),
        *_outputs(seen, truth),
        *_archived(place, versions, seen),
        *_promises(versions, seen),
        *_elsewhere(place),
        *_said(place),
        *_stays(place, versions, seen),
    ]


def _lost(place: Place, versions: list[Version], seen: Seen) -> list[Finding]:
    """I3."""
    kept = {*seen.archive.values(), *(sha for each in seen.inbox for sha in each.values())}
    cut = {said.sha256 for said in seen.cuts.values()}
    wrong = []
    for each in versions:
        if each.destroyed or each.sha256 in kept:
            continue
        where = f"{each.number} ({each.how}): {each.relpath} {each.sha256[:8]}"
        if each.sacred:
            wrong.append((f"lost: {each.sacred}", f"{where} is only a cut-out, if that"))
        elif each.sha256 not in cut:
            wrong.append((f"lost: {each.how[:-2]}", f"{where} exists nowhere"))
        elif place.archives:
            wrong.append(("not archived", f"{where} has a cut-out, and is not in the archive"))
    return wrong


def _doubled(place: Place, versions: list[Version], seen: Seen) -> list[Finding]:
    """I4: once in the archive, and one cut-out of one photo.

    In the archive once more where its owner gave it another name after it was copied there, and
    before a fault or a kill let go of it: see `nobgd.lane.archive`.
    """
    wrong = []
    finished = Counter(each.sha256 for each in versions)
    moved = Counter(each.sha256 for each in versions if each.moved)
    for sha, count in Counter(seen.archive.values()).items():
        if count > max(1, finished[sha]) + moved[sha]:
            names = sorted(path for path, digest in seen.archive.items() if digest == sha)
            wrong.append(("doubled in the archive", f"{names}"))
    standing = Counter(sha for each in seen.inbox for sha in each.values())
    for sha, count in standing.items():
        if sha in finished and count > max(1, finished[sha]):
            wrong.append(("doubled in the inbox", f"{sha[:8]} {count} times"))
        if sha in seen.archive.values() and finished[sha] < 2:
            wrong.append(("doubled: inbox and archive", sha[:8]))
    whose = Counter(
        (said.sha256, said.inbox, said.source)
        for path, said in seen.cuts.items()
        if not path.startswith(str(place.taken))
    )
    wrong += [
        ("doubled in the outbox", f"{source} {sha[:8]}: {count}")
        for (sha, _, source), count in whose.items()
        if count > 1
    ]
    return wrong


def _left(place: Place) -> list[Finding]:
    """I4: nothing hidden is left by nobgd anywhere."""
    roots = [each.base for each in place.grounds] + [each.root for each in place.houses]
    found = [
        path for root in roots for path in _walk(root)
        if os.path.basename(path).startswith(".nobgd") or path.endswith((".tmp", ".new"))
    ]  # fmt: skip
    return [("left over", os.path.relpath(path, place.root)) for path in found]


def _outputs(seen: Seen, truth: dict[str, bytes]) -> list[Finding]:
    """I2: whole, and the same picture whenever it is made from the same bytes."""
    wrong = [("torn output", path) for path in seen.torn if not path.endswith("filler")]
    for path, said in seen.cuts.items():
        first = truth.setdefault(said.sha256, seen.pictures[path])
        if (how := apart(first, seen.pictures[path])) is not None:
            wrong.append(("another picture", f"{path} {how}"))
    return wrong


def _archived(place: Place, versions: list[Version], seen: Seen) -> list[Finding]:
    """Mode and time are those of the photo."""
    wrong = []
    said: dict[str, list[Version]] = defaultdict(list)
    for each in versions:
        said[each.sha256].append(each)
    for path, sha in seen.archive.items():
        if sha not in said:
            wrong.append(("archived before it was finished", path))
            continue
        info = os.stat(path)
        if all(info.st_mode & 0o7777 != each.mode for each in said[sha]):
            wrong.append(("archived with another mode", f"{path}: {info.st_mode & 0o7777:o}"))
        times = {each.mtime_ns for each in said[sha]}
        if place.plan.fault != "no times" and info.st_mtime_ns not in times:
            wrong.append(("archived with another time", f"{path}: {info.st_mtime_ns} for {times}"))
    return wrong


def _promises(versions: list[Version], seen: Seen) -> list[Finding]:
    """A copy in quarantine for whose sake the original was cleared out is there."""
    have = set(seen.quarantine.values())
    return [
        ("promise broken", f"{each.number} ({each.how}): {each.relpath} was in quarantine")
        for each in versions
        if each.promised and each.sha256 not in have
    ]


def _elsewhere(place: Place) -> list[Finding]:
    """I6."""
    wrong = [("on a bare mount point", path) for each in place.grounds for path in set(each.bare)]
    more = set(os.listdir(place.root)) - place.known
    wrong += [("written outside", name) for name in more]
    return wrong


def _said(place: Place) -> list[Finding]:
    """I5, and no state is told over and over."""
    wrong = []
    told: Counter[tuple[Any, ...]] = Counter()
    for number, event, line in events(place):
        if event is None or "event" not in event:
            wrong.append(("no JSON", repr(line[:200])))
        elif event["event"] == "source.kept":
            told[number, event.get("source"), event.get("code"), event.get("reason")] += 1
    most = 2 + place.kills
    wrong += [
        ("said again and again", f"{key}: {count} times") for key, count in told.items()
        if count > most
    ]  # fmt: skip
    return wrong + [("the daemon died", text) for text in place.unexpected]


def _stays(place: Place, versions: list[Version], seen: Seen) -> list[Finding]:
    """What stands in an inbox has a reason that was told, or is still waited for."""
    wrong = []
    by_sha = {each.sha256: each for each in versions}
    cut = {said.sha256 for said in seen.cuts.values()}
    told: dict[str, str] = {}
    done = set()
    for _, event, _ in events(place):
        if event is not None and event.get("event") == "photo.done":
            done.add(event["sha256"])
        if event is not None and event.get("event") in (
            "source.kept", "photo.quarantined", "photo.failed", "photo.skipped",
        ):  # fmt: skip
            told[event.get("source", "")] = event["event"]
    told.update(_kept(place))
    for ground, names in zip(place.inboxes, seen.inbox, strict=True):
        for relpath, sha in names.items():
            each = by_sha.get(sha)
            if each is None or os.path.basename(relpath).startswith("."):
                if each is not None:
                    wrong.append(("hidden in the inbox", relpath))
                continue
            last = told.get(os.path.join(ground.point, relpath))
            if sha not in cut and sha in done:
                wrong.append(("cut-out gone", f"{each.number} ({each.how}): {relpath} was done"))
            elif sha not in cut and last is None:
                wrong.append(("not seen", f"{each.number} ({each.how}): {relpath} was not done"))
            elif last is None:
                wrong.append(("stays without a word", f"{each.number} ({each.how}): {relpath}"))
    return wrong


def _kept(place: Place) -> dict[str, str]:
    """Sources of which the ledger knows why they stay, for `why`: many are one line of the log."""
    found = {}
    for house in place.houses:
        path = house.state / "ledger.sqlite3"
        with contextlib.closing(sqlite3.connect(path)) as ledger:
            rows = ledger.execute("SELECT inbox, relpath FROM photo WHERE kept IS NOT NULL")
            for inbox, relpath in rows:
                found[os.path.join(os.fsdecode(inbox), os.fsdecode(relpath))] = "kept"
    return found


def standing(place: Place, versions: Iterable[Version]) -> int:
    """How many photos of whom a cut-out is enough still stand in an inbox, or are on their way.

    One whose cut-out was taken away may stand there for ever.
    """
    if going := refuges.hidden(each.base for each in place.inboxes):
        return len(going)
    count = len(place.inboxes)
    ordinary = {
        (v.number % count, v.relpath) for v in versions if not (v.sacred or v.broken or v.destroyed)
    }
    taken = {os.path.basename(path).partition("-")[2] for path in os.listdir(place.taken)}
    return sum(
        os.path.lexists(os.path.join(place.inboxes[inbox].base, name))
        for inbox, name in ordinary
        if not any(each.startswith(_stem(name)) for each in taken)
    )


def unheard(place: Place, versions: Iterable[Version]) -> int:
    """How many photos that cannot be cut out stand in an inbox without a word about them."""
    count = len(place.inboxes)
    told = {
        event.get("source")
        for _, event, _ in events(place)
        if event is not None and str(event.get("event")).startswith(("photo.", "source."))
    }
    paths = {
        (os.path.join(ground.base, v.relpath), os.path.join(ground.point, v.relpath))
        for v in versions
        if v.broken and not v.destroyed
        for ground in (place.inboxes[v.number % count],)
    }
    return sum(os.path.lexists(there) and said not in told for there, said in paths)


def _stem(relpath: str) -> str:
    return os.path.splitext(os.path.basename(relpath))[0]
