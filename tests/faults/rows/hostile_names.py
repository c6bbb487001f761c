"""Photos with names made to harm: every byte a name may hold, and names that mean something."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faults.house import Checks, House
from faults.pictures import valid
from nobgd.intake.ignore import Ignore

NAME, TITLE = "hostile_names", "hostile file names"
FULL, SHORT = 20_000, 100
_PORTION = 500
_PATIENCE_S = 600.0
_EXTENSIONS = (b".jpg", b".JPG", b".jpeg", b".png", b".webp", b".tif", b".jpe", b".jfif")
_PIECES = (
    b"\n", b"\r\n", b"\x1b[2J", b"\x1b]0;x\x07", b"\t", b"\x7f", b"\x01", b" ", b"  ", b"\\", b'"',
    b"'", b"`id`", b"$(id)", b";", b"|", b"&", b"*", b"?", b"[a]", b"{x}", b"%s%n", b"%00", b"\\0",
    b"-", b"--help", b"-rf", b"..", b"...", b"..\\..\\", b"~", b"\xe2\x80\xae", b"\xe2\x80\x8f",
    b"\xff", b"\xfe\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\xaf",
    "é".encode(), "é".encode(), "名".encode(), "🙂".encode(), b"\xef\xbb\xbf", b"\xe2\x80\xa8",
    b"_nobg", b"_nobg.png", b"nobgd", b"{\"event\": \"photo.done\"}", b"_PAUSE", b"_RETRY",
    b"CON", b"NUL", b"a" * 80, "ä".encode() * 40, b"!", b"#", b"<script>", b"x.part", b"~$",
)  # fmt: skip
_WHOLE = (
    b"_PAUSE.jpg", b"_RETRY.jpg", b"_nobg.jpg", b"_nobg.png", b"-.jpg", b"--config.jpg", b"a.jpg",
    b"a.png", b"a.JPG", b"a_nobg.jpg", b"a_nobg.png.jpg", b"a_nobg.png", b"a.png_nobg.jpg",
    b".jpg", b"..jpg", b"...jpg", b" .jpg", b"\n.jpg", b"\xff.jpg", b"x.jpg\n", b"x.jpg ",
    b"x.jpg.", b"a.jpg.part", b"x.txt", b"x", b"\x1b.jpg", b"con.jpg", b"a" * 251 + b".jpg",
    b"a" * 250 + b"b.png", b"\xff" * 251 + b".jpg", "é".encode() * 125 + b".jpg",
    "名".encode() * 83 + b".jpg", b"nobgd-x.tmp.jpg", b".nobgd-0123456789abcdef.tmp",
)  # fmt: skip
_FOLDERS = (
    b"", b"", b"", b"_urgent/", b"\n/", b"-x/", b"\xff\xfe/", b"a_nobg.png/", b"a.jpg.d/",
    b"...../", b"\xe2\x80\xae/", b" /", b"_PAUSE/", b"f" * 255 + b"/", b"a/b/c/d/e/f/",
)  # fmt: skip


def name_of(seed: int, number: int) -> str:
    """The relative name of this number, as `os.fsdecode` gives it."""
    rng = random.Random(f"{seed}/{number}")
    folder = rng.choice(_FOLDERS)
    kind = rng.random()
    if kind < 0.15:
        name = rng.choice(_WHOLE)
    elif kind < 0.45:  # any bytes at all
        size = rng.choice((1, 2, 3, 8, 40, 200, 251))
        name = bytes(rng.choice((*range(1, 47), *range(48, 256))) for _ in range(size))
        name = name[:250] + rng.choice(_EXTENSIONS)
    else:
        name = b"".join(rng.choice(_PIECES) for _ in range(rng.randrange(1, 6)))
        name = name.replace(b"/", b"")[:249] + rng.choice(_EXTENSIONS)
    return os.fsdecode(folder + name[-255:])


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Drop portions of names; yields (next number, violations, counts)."""
    log = {"file": str(root / "state" / "nobgd.record.log")}
    with House(root, root.parent / "cache", log=log) as house:
        (house.outside / "secret").write_text("not to be touched")
        checks = Checks(house)
        house.foreign.add(".nobgd-0123456789abcdef.tmp")
        while start < stop:
            end = min(stop, start + _PORTION)
            before = house.events.copy()
            wrong, ignored = _portion(house, checks, seed, start, end)
            counts = house.events - before
            told = {name: n for name, n in counts.items() if name.startswith("photo")}
            yield end, wrong, {**told, "ignored by rule": ignored}
            start = end


def _portion(
    house: House, checks: Checks, seed: int, start: int, end: int
) -> tuple[list[str], int]:
    house.forget()
    rule = Ignore().rule
    inputs, ignored = {}, 0
    made = set()
    for number in range(start, end):
        name = name_of(seed, number)
        path = house.path(name)
        data = valid(number % 7)  # the same bytes under many names are cut out once
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
        except (IsADirectoryError, FileExistsError, NotADirectoryError):
            continue  # a folder of this portion is called as this file is, or the other way round
        made.add(name)
        if rule(name) is None:
            inputs[name] = hashlib.sha256(data).hexdigest()
        else:
            ignored += 1
    house.await_ends(inputs, _PATIENCE_S)
    wrong = checks.violations(inputs)
    wrong += [
        f"ignored and yet in the log: {name!r}"
        for name in made - inputs.keys()
        if house.path(name) in house.ends
    ]
    results = {os.path.join(f, n) for f, _, names in os.walk(house.outbox) for n in names}
    known = {house.outputs.get(house.path(name), "") for name in inputs}
    wrong += [f"I6: nobody's output {path!r}" for path in sorted(results - known)]
    outputs = [house.outputs.get(house.path(name)) for name in inputs]
    if len(set(filter(None, outputs))) != len(list(filter(None, outputs))):
        wrong.append("I2: two sources have one output")
    wrong += [f"no valid JSON in log.file: {line!r}" for line in _bad_lines(house)]
    for folder in (house.inbox, house.outbox):  # the next portion begins with empty folders
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
    return wrong, ignored


def _bad_lines(house: House) -> list[bytes]:
    """Lines of the log's file that hold a control character or are no JSON object."""
    bad = []
    path = house.state / "nobgd.record.log"
    for line in path.read_bytes().splitlines():
        odd = any(byte < 32 or byte > 126 for byte in line)
        if odd or not isinstance(json.loads(line), dict):
            bad.append(line[:200])
    os.truncate(path, 0)
    return bad
