"""Programs that nobody here wrote, unmodified, with remove.bg's address in them."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from web.clients import NAME
from web.conftest import Page

_KEY = "import os\nkey = os.environ['REMOVE_BG_API_KEY']\n"


@pytest.fixture
def photo(tmp_path: Path, photos: dict[str, bytes]) -> Path:
    path = tmp_path / "cup.jpg"
    path.write_bytes(photos["coffee"])
    return path


@pytest.fixture
def expected(page: Page, photos: dict[str, bytes]) -> bytes:
    """The pixels that nobgd's own API gives; the name of the photo in a file's note may differ."""
    return _pixels(page.ask("POST", "/api/v1/cutout?name=cup.jpg", photos["coffee"]).body)


def _pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGBA")
        return picture.tobytes()


def _python(client: dict[str, str], folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _KEY + code],
        cwd=folder, env=client, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_removebg(client: dict[str, str], photo: Path, expected: bytes) -> None:
    """PyPI's removebg 0.4: a file part without a type; a URL is an error to it."""
    pytest.importorskip("removebg")
    code = """
import base64, requests
from removebg import RemoveBg
api = RemoveBg(key, "errors.log")
api.remove_background_from_img_file("cup.jpg")
api.remove_background_from_img_file("cup.jpg", size="4k")
encoded = base64.b64encode(open("cup.jpg", "rb").read()).decode()
api.remove_background_from_base64_img(encoded, new_file_name="b64.png")
api.remove_background_from_base64_img(encoded, new_file_name="white.jpg", bg_color="white")
try:
    api.remove_background_from_img_url("http://example.org/a.jpg")
except requests.HTTPError as error:
    print(error.response.status_code, error.response.json()["errors"][0]["code"])
"""
    ran = _python(client, photo.parent, code)
    assert (ran.returncode, ran.stdout) == (0, "400 failed_image_download\n"), ran.stderr
    assert _pixels((photo.parent / "cup.jpg_no_bg.png").read_bytes()) == expected
    assert _pixels((photo.parent / "b64.png").read_bytes()) == expected
    with Image.open(photo.parent / "white.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (200, 150))


def test_remove_bg_api(client: dict[str, str], photo: Path, expected: bytes) -> None:
    """PyPI's remove-bg-api 0.2.1: asks for the account first, and reads what was charged."""
    pytest.importorskip("remove_bg_api")
    code = """
import json
from remove_bg_api import RemoveBg, Errors
api = RemoveBg(key)
before = api.account.balance()
open("a.png", "wb").write(api.remove_bg_file("cup.jpg"))
api.remove_bg_bytes(open("cup.jpg", "rb").read(), out_path="b.png", raw=False)
api.remove_bg_file("cup.jpg", "c.webp", raw=False, data={"format": "webp", "type": "person"})
said = [before, api.account.balance(), api.account.free_api_calls() > 0]
for wrong in (lambda: api.remove_bg_url("http://example.org/a.jpg"),
              lambda: api.remove_bg_bytes(b"no picture"),
              lambda: RemoveBg("another key")):
    try:
        wrong()
    except Exception as error:
        said.append(type(error).__name__)
print(json.dumps(said))
"""
    ran = _python(client, photo.parent, code)
    assert ran.returncode == 0, ran.stderr
    before, after, free, *errors = json.loads(ran.stdout)
    assert before == after > 0
    assert free is True
    assert errors == ["ApiErrorCode400", "ApiErrorCode400", "ApiErrorCode403"]
    assert _pixels((photo.parent / "a.png").read_bytes()) == expected
    assert _pixels((photo.parent / "b.png").read_bytes()) == expected
    with Image.open(photo.parent / "c.webp") as picture:
        assert (picture.format, picture.mode) == ("WEBP", "RGBA")


@pytest.mark.parametrize(
    ("words", "kind", "mode"),
    [((), "PNG", "RGBA"), (("-f", "jpg", "-b", "ff0000"), "JPEG", "RGB"),
     (("-f", "webp", "--crop"), "WEBP", "RGBA"), (("--shadow", "-s", "preview"), "PNG", "RGBA")],
)  # fmt: skip
def test_removebg_cli(
    client: dict[str, str], photo: Path, words: tuple[str, ...], kind: str, mode: str
) -> None:  # fmt: skip
    """PyPI's removebg-cli 1.0.0: a command for people."""
    pytest.importorskip("removebg_cli")
    ran = _python(
        client, photo.parent,
        f"import sys, removebg_cli\nsys.argv = ['removebg', 'cup.jpg', '-o', 'out', *{words!r}]\n"
        "sys.exit(removebg_cli.main())",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (made,) = [path for path in photo.parent.iterdir() if path.name.startswith("out")]
    with Image.open(io.BytesIO(made.read_bytes())) as picture:
        assert (picture.format, picture.mode) == (kind, mode)


def test_removebg_cli_shows_the_account(client: dict[str, str], photo: Path) -> None:
    """And warns of nothing."""
    pytest.importorskip("removebg_cli")
    code = "import sys, removebg_cli\nsys.argv = ['removebg', '--account']\nremovebg_cli.main()"
    ran = _python(client, photo.parent, code)
    assert ran.returncode == 0
    assert "1000000" in ran.stdout.replace(",", "")


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl(client: dict[str, str], photo: Path, expected: bytes) -> None:
    """As remove.bg's own documentation says it."""
    command = [
        "curl", "-sS", "-f", "-H", f"X-API-Key: {client['REMOVE_BG_API_KEY']}", "-F",
        "image_file=@cup.jpg", "-F", "size=auto", f"https://{NAME}/v1.0/removebg", "-o", "no.png",
    ]  # fmt: skip
    ran = subprocess.run(command, cwd=photo.parent, env=client, capture_output=True, text=True,
                         timeout=100, check=False)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert _pixels((photo.parent / "no.png").read_bytes()) == expected


def _node(node: dict[str, str], folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", "-e", f"const apiKey = process.env.REMOVE_BG_API_KEY;\n{code}"],
        cwd=folder, env=node, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_npm_remove_bg(node: dict[str, str], photo: Path, expected: bytes) -> None:
    """From npm, remove.bg 1.3.0: wants JSON and headers at once, and sends empty fields."""
    code = """
const bg = require("remove.bg"), fs = require("fs");
const base64img = fs.readFileSync("cup.jpg", { encoding: "base64" });
(async () => {
  const file = await bg.removeBackgroundFromImageFile(
    { path: "cup.jpg", apiKey, size: "full", outputFile: "file.png" });
  const said = [file.resultWidth, file.resultHeight, file.creditsCharged];
  fs.writeFileSync("told.png", file.base64img, { encoding: "base64" });
  await bg.removeBackgroundFromImageBase64(
    { base64img, apiKey, size: "full", bg_color: "", outputFile: "b64.png" });
  await bg.removeBackgroundFromImageFile(
    { path: "cup.jpg", apiKey, size: "full", bg_color: "white", outputFile: "white.png" });
  for (const wrong of [
    () => bg.removeBackgroundFromImageUrl({ url: "http://example.org/a.jpg", apiKey }),
    () => bg.removeBackgroundFromImageBase64({ base64img: "bm8=", apiKey }),
    () => bg.removeBackgroundFromImageBase64({ base64img, apiKey: "another" }),
  ]) await wrong().catch((errors) => said.push(errors[0].title));
  console.log(JSON.stringify(said));
})();
"""
    ran = _node(node, photo.parent, code)
    assert ran.returncode == 0, ran.stderr
    width, height, charged, *errors = json.loads(ran.stdout)
    assert (width, height, charged) == ("200", "150", "0")
    assert len(errors) == 3
    for name in ("file.png", "told.png", "b64.png"):
        assert _pixels((photo.parent / name).read_bytes()) == expected, name
    with Image.open(photo.parent / "white.png") as picture:
        assert picture.convert("RGBA").getchannel("A").getextrema() == (255, 255)


def test_npm_removebg_wrapper(node: dict[str, str], photo: Path, expected: bytes) -> None:
    """From npm, removebg-wrapper 1.0.3: bytes, and no word of what it accepts."""
    code = """
const wrapper = require("removebg-wrapper");
wrapper.rbFromImageFile("cup.jpg", apiKey);
wrapper.rbFromImageUrl("http://example.org/a.jpg", apiKey);
"""
    ran = _node(node, photo.parent, code)
    assert ran.returncode == 0, ran.stderr
    assert "failed_image_download" in ran.stderr
    assert _pixels((photo.parent / "output.png").read_bytes()) == expected
