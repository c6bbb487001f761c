"""Photos that are named on the command line, and folders, without any configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with two photos, a text that is called a photo, and a home of its own."""
    (tmp_path / "home").mkdir()
    (tmp_path / "in/sub").mkdir(parents=True)
    for number, name in enumerate(("a [1].jpg", "sub/b.jpg")):
        pixels = np.random.default_rng(number).integers(0, 255, (48, 64, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "in" / name, quality=90)
    (tmp_path / "in/text.jpg").write_text("no picture")
    return tmp_path


def nobgd(here: Path, *arguments: str) -> tuple[int, list[str], str]:
    """Exit code, lines on stdout, stderr; in a home without any model but the one shipped."""
    environment = {
        name: value for name, value in os.environ.items()
        if not name.startswith(("XDG_", "NOBGD_"))
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "nobgd", *arguments], cwd=here, check=False,
        capture_output=True, text=True, env={**environment, "HOME": str(here / "home")},
    )  # fmt: skip
    return done.returncode, done.stdout.splitlines(), done.stderr


def below(folder: Path) -> set[str]:
    """Names of the files in it, at any depth."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_picture_is_no_folder(here: Path) -> None:
    """As other programs take a file there; nothing is made, not a folder of that name either."""
    (here / "notes").write_text("mine")
    for output in ("b.png", "in/B.JPG", "notes", "in/text.jpg"):
        code, out, said = nobgd(here, "cut", "in/a [1].jpg", "-o", output)
        assert (code, out) == (2, [])
        assert said.startswith(f"{output}: is no folder, and -o names the one that cut-outs go to")
    assert below(here / "in") == {"a [1].jpg", "sub/b.jpg", "text.jpg"}
    assert sorted(os.listdir(here)) == ["home", "in", "notes"]


def test_a_program_gets_the_bytes_of_a_name(here: Path) -> None:
    """`nobgd cut … | xargs`: those that are no UTF-8, turn text round or ring, as they are."""
    name = os.fsdecode(b"in/\xff\xe2\x80\xae\x07")
    shutil.copy(here / "in/a [1].jpg", here / f"{name}.jpg")
    command = [sys.executable, "-m", "nobgd", "cut", "-m", "u2netp", f"{name}.jpg"]
    environment = {**os.environ, "HOME": str(here / "home"), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, check=True)
    assert done.stdout == os.fsencode(f"{here}/{name}_nobg.png\n")


def test_photos_that_are_named_and_no_others(here: Path) -> None:
    """Beside themselves or in a folder; what cannot be done is said, and the rest is done."""
    code, out, said = nobgd(here, "cut", "in/a [1].jpg", "nothing.jpg", "in", "in/text.jpg")
    assert code == 1
    assert out == [f"{here}/in/a [1]_nobg.png"]
    assert "nothing.jpg: there is no such file\n" in said
    assert "in: is a folder; `nobgd once IN OUT` does one\n" in said
    assert f"{here}/in/text.jpg: " in said
    assert "u2net is not here, so u2netp is used" in said
    assert below(here / "in") == {"a [1].jpg", "a [1]_nobg.png", "sub/b.jpg", "text.jpg"}
    stamp = (here / "in/a [1]_nobg.png").stat().st_mtime_ns
    code, out, said = nobgd(here, "cut", "in/a [1].jpg", "-m", "u2netp")
    assert (code, out, said) == (0, [f"{here}/in/a [1]_nobg.png"], "")
    assert (here / "in/a [1]_nobg.png").stat().st_mtime_ns == stamp
    shutil.copy(here / "in/a [1].jpg", here / "in/c.jpg")
    code, out, said = nobgd(here, "cut", "-o", "out", "in/c.jpg", "in/sub/b.jpg", "-m", "u2netp")
    assert (code, said) == (0, "")
    assert sorted(out) == [f"{here}/out/b_nobg.png", f"{here}/out/c_nobg.png"]


def test_what_is_wrong_is_a_sentence(here: Path) -> None:
    """Before anything is done."""
    (here / "link.jpg").symlink_to(here / "in/a [1].jpg")
    assert nobgd(here, "cut", "link.jpg") == (1, [], "link.jpg: is a link; name the photo itself\n")
    code, _, said = nobgd(here, "cut", "in/a [1].jpg", "-m", "u2nte")
    assert (code, said.count("\n")) == (2, 1)
    code, _, said = nobgd(here, "once", "in", "in/out")
    assert code == 2
    assert "outbox" in said and "lies inside its inbox" in said  # noqa: PT018 - one sentence
    assert nobgd(here, "once", "in") == (2, [], "give IN and OUT, or a configuration by -c FILE\n")
    assert below(here / "home") == set()


def test_a_folder_without_a_configuration(here: Path) -> None:
    """With its sub-folders; the second time what failed is tried again and nothing else."""
    code, _, said = nobgd(here, "once", "in", "out")
    assert code == 1
    assert below(here / "out") == {"a [1]_nobg.png", "sub/b_nobg.png"}
    assert f"{here}/in/text.jpg" in said
    assert "copies of these" not in said  # there are none: the original stays where it is
    (here / "in/text.jpg").unlink()
    shutil.copy(here / "in/sub/b.jpg", here / "in/text.jpg")
    code, out, _ = nobgd(here, "once", "in", "out")
    assert code == 0
    assert below(here / "out") == {"a [1]_nobg.png", "sub/b_nobg.png", "text_nobg.png"}
    assert sum('"photo.done"' in line for line in out) == 1
