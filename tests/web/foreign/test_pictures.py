"""What six packages and curl bring home is what `nobgd once` makes of the same photos, to a pixel.

The packages are unmodified and talk to remove.bg's name; the photos are of several formats, one is
turned by its EXIF, one is grey.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pillow_heif
import pytest
import skimage
from PIL import Image

from web.clients import NAME

_KEY = "import os, sys\nkey = os.environ['REMOVE_BG_API_KEY']\n"
_NODE = "const apiKey = process.env.REMOVE_BG_API_KEY, names = process.argv.slice(1);\n"
PHOTOS = ("cup.jpg", "face.png", "cat.webp", "turned.jpg", "grey.jpg", "phone.heic")
# each hands in all that it is given and leaves NAME.out beside each
_PYTHON = {
    "removebg": """
from removebg import RemoveBg
api = RemoveBg(key, "errors.log")
for name in sys.argv[1:]:
    api.remove_background_from_img_file(name, size="full")
    os.rename(name + "_no_bg.png", name + ".out")
""",
    "remove_bg_api": """
from remove_bg_api import RemoveBg
api = RemoveBg(key)
for name in sys.argv[1:]:
    open(name + ".out", "wb").write(api.remove_bg_file(name))
""",
    "removebg_cli": """
import removebg_cli
for name in list(sys.argv[1:]):
    sys.argv = ["removebg", name, "-o", name + ".made", "-s", "full", "-f", "png"]
    if code := removebg_cli.main():
        sys.exit(code)
    made = name + ".made"
    os.rename(made if os.path.exists(made) else made + ".png", name + ".out")
""",
}
_JAVASCRIPT = {
    "remove.bg": """
const bg = require("remove.bg");
(async () => {
  for (const path of names) {
    await bg.removeBackgroundFromImageFile(
      { path, apiKey, size: "full", format: "png", outputFile: path + ".out" });
  }
})();
""",
    "removebg-wrapper": """
const wrapper = require("removebg-wrapper"), fs = require("fs"), path = require("path");
const here = process.cwd();
(async () => {
  for (const name of names) {  // each in a folder of its own: it writes output.png, always
    const folder = fs.mkdtempSync(path.join(here, "wrapped-"));
    process.chdir(folder);
    wrapper.rbFromImageFile(path.join(here, name), apiKey);
    while (!fs.existsSync("output.png")) await new Promise((done) => setTimeout(done, 50));
    await new Promise((done) => setTimeout(done, 50));
    fs.renameSync("output.png", path.join(here, name + ".out"));
  }
})();
""",
}
CLIENTS = [*_PYTHON, *_JAVASCRIPT, "curl remove.bg", "curl rembg", "curl native"]
REFUSED = {"removebg_cli": {"phone.heic"}}  # by the client itself, before it asks anybody


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photos as files; one is large enough for edges to be refined."""
    root = tmp_path_factory.mktemp("handed-in")
    data = Path(skimage.__file__).parent / "data"
    names = ("coffee", "astronaut", "chelsea")
    cup, face, cat = (Image.open(data / f"{name}.png").convert("RGB") for name in names)
    cup = cup.resize((1632, 1088))
    turned = Image.Exif()
    turned[0x0112] = 6
    cup.save(root / "cup.jpg", quality=90)
    face.save(root / "face.png")
    cat.save(root / "cat.webp", quality=90)
    cup.save(root / "turned.jpg", quality=90, exif=turned)
    face.convert("L").save(root / "grey.jpg", quality=90)
    pillow_heif.from_pillow(cat).save(root / "phone.heic", quality=80)
    return root


@pytest.fixture(scope="module")
def expected(folder: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what `nobgd once` makes of them, with the same model."""
    root = tmp_path_factory.mktemp("once")
    settings = {
        "state_dir": "state", "cache_dir": str(cache), "model": {"name": "u2netp"},
        "inboxes": [{"path": str(folder), "outbox": "out"}],
    }  # fmt: skip
    (root / "nobgd.yaml").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "nobgd", "once", "-c", str(root / "nobgd.yaml")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert ran.returncode == 0, ran.stderr
    return root / "out"


Brought = Callable[[str], Path]


@pytest.fixture(scope="module")
def brought(
    request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Brought:  # fmt: skip
    """Has a client hand in all photos, once; the folder of what it brought."""
    made: dict[str, Path] = {}

    def bring(who: str) -> Path:
        if who not in made:
            here = tmp_path_factory.mktemp("client")
            for name in PHOTOS:
                (here / name).write_bytes((folder / name).read_bytes())
            _hand_in(request, who, here)
            made[who] = here
        return made[who]

    return bring


def _hand_in(request: pytest.FixtureRequest, who: str, here: Path) -> None:
    names = [name for name in PHOTOS if name not in REFUSED.get(who, ())]
    environment = request.getfixturevalue("client")
    if who in _PYTHON:
        pytest.importorskip(who)
        commands = [[sys.executable, "-W", "ignore", "-c", _KEY + _PYTHON[who], *names]]
    elif who in _JAVASCRIPT:
        environment = request.getfixturevalue("node")
        commands = [["node", "-e", _NODE + _JAVASCRIPT[who], *names]]
    else:
        key = f"X-Api-Key: {environment['REMOVE_BG_API_KEY']}"
        ways = {
            "curl remove.bg": ("-F", "image_file=@{}", f"https://{NAME}/v1.0/removebg"),
            "curl rembg": ("-F", "file=@{}", f"https://{NAME}/api/remove"),
            "curl native": ("--data-binary", "@{}", f"https://{NAME}/api/v1/cutout?name={{}}"),
        }
        commands = [
            ["curl", "-sSf", "-H", key, *(word.format(name) for word in ways[who]), "-o",
             f"{name}.out"]
            for name in names
        ]  # fmt: skip
    for command in commands:
        ran = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True,
                             timeout=100, check=False)  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("who", "name"),
    [(who, name) for who in CLIENTS for name in PHOTOS if name not in REFUSED.get(who, ())],
)
def test_the_picture_is_that_of_once(
    brought: Brought, expected: Path, who: str, name: str
) -> None:  # fmt: skip
    ours, theirs = expected / f"{Path(name).stem}_nobg.png", brought(who) / f"{name}.out"
    with Image.open(ours) as once, Image.open(theirs) as found:
        assert (found.format, found.mode, found.size) == ("PNG", "RGBA", once.size)
        assert found.tobytes() == once.convert("RGBA").tobytes()
