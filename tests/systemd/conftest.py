"""A machine with systemd, and nobgd installed on it by the README's commands, offline.

One machine is booted and nobgd is installed once; the test files use it in the order of their
names, and each test leaves the service running.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from systemd.installed import CONFIG, OUT, Nobgd, files
from systemd.machine import Machine, await_true, missing

ROOT = Path(__file__).parents[2]
PYTHON = "/usr/bin/python3"  # of the distribution: the service cannot see one in a home
_COPIED = (
    "config", "daemon", "models", "requirements", "systemd",
    "pyproject.toml", "README.md", "LICENSE",
)  # fmt: skip
_LEFT = shutil.ignore_patterns("__pycache__", ".*")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What install.sh --make-bundle makes of this checkout."""
    if why := missing():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    script = str(ROOT / "systemd/install.sh")
    options = ["--model", "u2netp", "--python", PYTHON]
    made = subprocess.run(
        [script, "--make-bundle", str(folder), *options],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert made.returncode == 0, (made.stdout + made.stderr)[-800:]
    return folder


@pytest.fixture(scope="session")
def wheels(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip would download to build and install nobgd, as the machine has no network."""
    folder = tmp_path_factory.mktemp("wheels") / "wheels"
    shutil.copytree(bundle / "wheels", folder)
    for own in folder.glob("nobgd-*"):
        own.unlink()
    return folder


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, as a new user has it."""
    folder = tmp_path_factory.mktemp("checkout") / "nobgd"
    folder.mkdir()
    for name in _COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=_LEFT)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def machine(bundle: Path, wheels: Path) -> Iterator[Machine]:
    """Booted, and nothing installed yet."""
    made = Machine([(bundle, "/mnt/bundle"), (wheels, "/mnt/wheels")])
    try:
        try:
            made.boot()
        except (RuntimeError, subprocess.SubprocessError) as error:
            pytest.skip(f"systemd does not boot in a container here: {error}")
        yield made
    finally:
        made.power_off()


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real photo: scikit-image's coffee cup, as a JPEG."""
    import skimage

    target = tmp_path_factory.mktemp("photo") / "holiday.jpg"
    with Image.open(Path(skimage.__file__).parent / "data/coffee.png") as picture:
        picture.save(target, quality=90)
    return target


@pytest.fixture(scope="session")
def anna(machine: Machine, checkout: Path, photo: Path) -> str:
    """A new user with the repository, a photo and sudo; her name."""
    home = "/home/anna"
    machine.sh(
        "useradd --create-home --shell /bin/bash anna; mkdir -p /etc/sudoers.d;"
        "echo 'anna ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/anna;"
        "echo 'Defaults env_keep += \"PIP_*\"' >> /etc/sudoers.d/anna"
    )
    shutil.copytree(checkout, machine.within(f"{home}/nobgd"))
    shutil.copy(photo, machine.within(f"{home}/nobgd/holiday.jpg"))
    machine.sh(f"chown -R anna: {home}")
    return "anna"


@pytest.fixture(scope="session")
def before(machine: Machine, anna: str) -> set[str]:
    """Every file on the machine's own layer before nobgd came."""
    assert anna
    return files(machine)


def section() -> str:
    """The README's section for those who run nobgd as a service."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return readme.split("\n## On a NAS or server\n")[1].split("\n## ")[0]


def commands() -> list[str]:
    """Its first block of commands."""
    found = re.search(r"```sh\n(.*?)```", section(), re.DOTALL)
    assert found is not None
    return [line.partition("  #")[0].strip() for line in found[1].splitlines() if line]


@pytest.fixture(scope="session")
def said(machine: Machine, before: set[str], anna: str) -> list[str]:
    """What the README's commands say to her on a machine that never had nobgd.

    Of the network only pip's part is there, as a folder; the weights are those that
    `make test` fetched.
    """
    assert not any("nobgd" in name for name in before if "/anna/" not in name)
    there = "PIP_NO_INDEX=1 PIP_FIND_LINKS=/mnt/wheels PIP_CONFIG_FILE=/dev/null PIP_NO_CACHE_DIR=1"
    spoken = []
    for command in commands():
        if command.startswith("ls"):
            await_true(lambda: os.listdir(machine.within(OUT)))
        script = f"cd ~/nobgd && export {there} && {command}"
        spoken.append(machine.run("su", "-", anna, "-c", script, limit_s=250).stdout)
    return spoken


@pytest.fixture(scope="session")
def new(machine: Machine, said: list[str], photo: Path) -> Nobgd:
    """Installed, one photo done, nothing else changed."""
    assert said
    return Nobgd(machine, photo)


@pytest.fixture(scope="session")
def nobgd(new: Nobgd) -> Nobgd:
    """The same, made quick for tests; used after test_first_cut_out.py."""
    new.quicken()
    assert new.machine.run("cat", CONFIG).stdout == new.usual
    return new
