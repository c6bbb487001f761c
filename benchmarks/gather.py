"""`python -m benchmarks.gather FOLDER`: the labelled photos that are in packages of Debian.

They are fetched with `apt-get download`, unpacked beside, and not installed.  Their licences are in
the packages' copyright files.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import labelled
from benchmarks.labelled import Labelled


def resources(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of each file in a resource file of Qt (format 1 to 3, nothing compressed).

    A header, then big-endian tables: nodes of 14 bytes (22 from format 2 on), names in UTF-16 and
    blobs, each with its length before it.  Raises `ValueError` for what is none.
    """
    if data[:4] != b"qres":
        raise ValueError("no resource file of Qt")
    version, tree, blobs, names = struct.unpack_from(">4I", data, 4)
    node = 22 if version >= 2 else 14

    def walk(number: int, above: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
        at = tree + number * node
        name, flags, *rest = struct.unpack_from(">IHII", data, at)
        path = (*above, _name(data, names + name)) if number else above
        if flags & 2:  # a folder: how many, and the first of them
            for child in range(rest[1], rest[1] + rest[0]):
                yield from walk(child, path)
        elif not flags:
            (length,) = struct.unpack_from(">I", data, blobs + rest[1])
            start = blobs + rest[1] + 4
            yield "/".join(path), data[start : start + length]

    yield from walk(0, ())


def _name(data: bytes, at: int) -> str:
    (length,) = struct.unpack_from(">H", data, at)
    return data[at + 6 : at + 6 + 2 * length].decode("utf-16-be")


def unpack(package: Path, wanted: list[Labelled]) -> Iterator[tuple[Labelled, bytes]]:
    """The photos that are wanted of an unpacked package."""
    inside: dict[str, dict[str, bytes]] = {}
    for each in wanted:
        path, _, member = each.member.partition("!")
        if not (package / path).is_file():
            continue
        data = (package / path).read_bytes()
        if member:
            if path not in inside:
                inside[path] = dict(resources(data))
            data = inside[path].get(member, b"")
        yield each, data


def main(folder: Path) -> int:
    """Fetch, unpack, copy; how many are there is said."""
    folder.mkdir(parents=True, exist_ok=True)
    packages: dict[str, list[Labelled]] = {}
    for each in labelled.every():
        if each.source not in (labelled.OURS, labelled.INSTALLED):
            packages.setdefault(each.source, []).append(each)
    copied = 0
    with tempfile.TemporaryDirectory(prefix="nobgd-gather-") as name:
        for package, wanted in packages.items():
            work = Path(name) / package
            work.mkdir()
            subprocess.run(["apt-get", "download", "-qq", package], cwd=work, check=True)
            archive = next(work.glob("*.deb"))
            subprocess.run(["dpkg", "-x", str(archive), "out"], cwd=work, check=True)
            for each, data in unpack(work / "out", wanted):
                if each.fits(data):
                    (folder / each.file).write_bytes(data)
                    copied += 1
    wanted_in_all = sum(map(len, packages.values()))
    print(f"{copied} of {wanted_in_all} photos are in {folder}")
    return 0 if copied else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m benchmarks.gather FOLDER")
    sys.exit(main(Path(sys.argv[1])))
