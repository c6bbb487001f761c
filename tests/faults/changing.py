"""Photos that come, are changed where they stand and leave, and what must be true of them then."""

from __future__ import annotations

import hashlib
import io
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from faults.house import House, Stuck
from faults.outputs import apart, without_note
from faults.pictures import commented, drop
from nobgd.fs.publish import is_temp
from nobgd.picture import provenance

PATIENCE_S = 600.0  # others may need the machine
_PICTURES = 12


class Photos:
    """Those in the inbox, all that lay there, and the cut-outs that home makes of the pictures."""

    def __init__(
        self, house: House, seed: int, inbox: Path | None = None, outbox: Path | None = None,
        free: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """``inbox`` and ``outbox``: where these of the house are to who comes and looks.

        ``free``: codes of failures that may come, as the row's faults are a share's.
        """
        self._free = {f"photo.failed {code}" for code in free}
        self.house, self._inbox = house, inbox or house.inbox
        self._outbox = outbox or house.outbox
        self.now: dict[str, str] = {}  # name: SHA-256
        self._versions: dict[str, dict[str, int]] = {}  # name: SHA-256: which picture
        self._seed, self._number, self.count = seed, 0, 0
        self._made: list[bytes] = []
        self._burnt = Counter[str]()

    def learn(self) -> None:
        """Have home do each picture while there is no other machine."""
        self.begin(-1)
        for _ in range(_PICTURES):
            self.add()
        if left := self.house.await_versions(self.now, PATIENCE_S):
            raise Stuck(f"home alone does not do {left}")
        for name in self.now:
            made = self._outbox / Path(self.house.outputs[self.house.path(name)]).name
            self._made.append(without_note(made.read_bytes()))
        self.clear()

    def begin(self, number: int) -> None:
        """Names and bytes follow from this number from now on."""
        self._number, self.count = number, 0

    def add(self, name: str = "", *, in_place: bool = False) -> None:
        """Another photo, or other bytes under a name."""
        which = self.count % _PICTURES
        name = name or f"{self._number}-{self.count}.jpg"
        number = (self._number + 2) * 1_000 + self.count
        data = commented(_picture(self._seed, which), number)
        self.count += 1
        if in_place:
            (self._inbox / name).write_bytes(data)
        else:
            drop(self._inbox, name, data)
        self.now[name] = hashlib.sha256(data).hexdigest()
        self._versions.setdefault(name, {})[self.now[name]] = which

    def stir(self, chance: random.Random, counts: Counter[str]) -> None:
        """A few more; one is changed and one leaves now and then, done or not."""
        for _ in range(chance.randint(3, 6)):
            self.add()
        time.sleep(chance.choice((0.0, 0.3, 0.6)))  # before, or after it has settled
        if chance.random() < 0.6:
            in_place = chance.random() < 0.5
            self.change(self._one(chance), "saved in place" if in_place else "saved over", counts)
        if chance.random() < 0.3:
            self.change(self._one(chance), "left", counts)

    def change(self, name: str, how: str, counts: Counter[str]) -> None:
        """Other bytes, "saved in place" or "saved over"; or it has "left"."""
        if how == "left":
            (self._inbox / name).unlink()
            del self.now[name]
        else:
            self.add(name, in_place=how == "saved in place")
        counts[how] += 1

    def _one(self, chance: random.Random) -> str:
        """A photo, rather one of the latest."""
        return chance.choice(list(self.now)[-4:])

    def clear(self) -> None:
        """Away with photos and cut-outs."""
        for name in self.now:
            (self._inbox / name).unlink()
        for file in self._outbox.glob("*.png"):
            file.unlink()
        self.now.clear()
        self.house.forget()

    # --- what must be true ---------------------------------------------------------------------

    def violations(self, counts: Counter[str]) -> list[str]:
        """Of log and outbox."""
        house, wrong = self.house.listen(), []
        for name, versions in self._versions.items():
            for digest in versions:
                said, there = house.versions[house.path(name), digest], self.now.get(name) == digest
                if said > 1 + house.spoilt[house.path(name)] or (there and not said):
                    wrong.append(f"{name} {digest[:8]} was said to be done {said} times")
        burnt = Counter({k: n for k, n in house.codes.items() if k.startswith("photo.")})
        for each in self._free:
            counts[each] = burnt.pop(each, 0)
        if burnt - self._burnt:
            wrong.append(f"attempts were burnt: {dict(burnt - self._burnt)}")
        self._burnt = burnt
        return wrong + self._cut_outs(counts)

    def _cut_outs(self, counts: Counter[str]) -> list[str]:
        wrong = []
        seen: Counter[tuple[str, str]] = Counter()
        for file, note in self.cut_outs():
            which = None if note is None else self._versions.get(note.source, {}).get(note.sha256)
            if note is None or which is None:
                wrong.append(f"{file.name} is of no photo that was here: {note}")
                continue
            seen[note.source, note.sha256] += 1
            if (how := apart(self._made[which], without_note(file.read_bytes()))) is not None:
                wrong.append(f"{file.name} differs from what home made of this picture {how}")
            if self.now.get(note.source) not in (None, note.sha256):
                if self.house.versions[self.house.path(note.source), note.sha256]:
                    wrong.append(f"{file.name} is of what {note.source} was before, and stays")
                counts["cut-outs of what changed before it was booked"] += 1
        wrong += [f"{source}: {count} cut-outs" for (source, _), count in seen.items() if count > 1]
        return wrong

    def cut_outs(self) -> Iterator[tuple[Path, provenance.Note | None]]:
        """Each file in the outbox but temporary ones, and what it says that it was made from."""
        for file in sorted(each for each in self._outbox.iterdir() if not is_temp(each.name)):
            with file.open("rb") as stream:
                yield file, provenance.find(stream.read(provenance.HEAD_BYTES))


def _picture(seed: int, which: int) -> bytes:
    """A JPEG with black and white, from which each way of making a mask makes the same."""
    pixels = np.random.default_rng((seed, which)).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    pixels[:16, :16], pixels[32:, 32:] = 0, 255
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=80)
    return out.getvalue()
