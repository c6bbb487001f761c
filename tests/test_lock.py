"""The locked requirements hold all that pyproject.toml asks for, with hashes and no registry."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BUILD = (ROOT / "requirements/build.in").read_text().splitlines()[1:]
EXTRAS = {
    "service": ("cluster", "web"), "slim": ("cluster", "web"), "run": ("cluster", "ncnn", "web"),
    "dev": ("cluster", "dev", "ncnn", "web"),
}  # fmt: skip
LEFT_OUT = {"slim": {"rembg"}}


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[._-]+", "-", found[0]).lower()


@pytest.mark.parametrize("kind", EXTRAS)
def test_the_lock_is_whole(kind: str) -> None:
    """Each requirement is pinned with hashes; `make lock` after a change of pyproject.toml."""
    text = (ROOT / f"requirements/{kind}.txt").read_text()
    pinned = set()
    for entry in text.replace("\\\n", " ").splitlines():
        assert re.match(r"[a-z0-9._-]+==\S+( ; [^#]*?)?( +--hash=sha256:[0-9a-f]{64})+ *$", entry)
        pinned.add(_name(entry))
    wanted = [*PROJECT["dependencies"], *BUILD]
    for extra in EXTRAS[kind]:
        wanted += PROJECT["optional-dependencies"][extra]
    assert {_name(each) for each in wanted} - pinned == LEFT_OUT.get(kind, set())
    assert kind != "slim" or not pinned & {"rembg", "numba", "scipy", "scikit-image"}
    assert "://" not in text


def test_each_package_has_one_version_everywhere() -> None:
    """What is tested is what is installed, whichever lock it is installed from."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for kind in EXTRAS:
        text = (ROOT / f"requirements/{kind}.txt").read_text()
        pins: dict[str, list[str]] = {}
        for name, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE):
            pins.setdefault(name, []).append(version)
        for name, versions in pins.items():
            found.setdefault(name, set()).add(tuple(sorted(versions)))
    assert {name: each for name, each in found.items() if len(each) > 1} == {}
