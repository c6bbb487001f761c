"""A machine with systemd, and nobgd installed on it from a bundle, without any network."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from systemd.machine import Machine, missing

ROOT = Path(__file__).parents[2]


def _cannot(why: str) -> None:
    """Skip with the reason."""
    pytest.skip(why)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What install.sh --make-bundle makes of this checkout."""
    if why := missing():
        _cannot(why)
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    script = str(ROOT / "systemd/install.sh")
    options = ["--model", "u2netp", "--python", "/usr/bin/python3"]
    made = subprocess.run(
        [script, "--make-bundle", str(folder), *options],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    if made.returncode:
        _cannot(f"no bundle: {(made.stdout + made.stderr)[-500:]}")
    return folder


@pytest.fixture(scope="session")
def machine(bundle: Path) -> Iterator[Machine]:
    """Booted, and nothing installed yet."""
    made = Machine([(bundle, "/mnt/bundle")])
    try:
        try:
            made.boot()
        except (RuntimeError, subprocess.SubprocessError) as error:
            _cannot(f"systemd does not boot in a container here: {error}")
        yield made
    finally:
        made.power_off()


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real photo: scikit-image's coffee cup, as a JPEG."""
    import skimage

    target = tmp_path_factory.mktemp("photo") / "coffee.jpg"
    with Image.open(Path(skimage.__file__).parent / "data/coffee.png") as picture:
        picture.save(target, quality=90)
    return target
