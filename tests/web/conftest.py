"""A daemon with its page, on a free port; one for all tests of a file."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import ports
from e2e.conftest import Daemon, await_true


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Page:
    """A daemon and its page."""

    def __init__(self, root: Path, cache: Path, model: str = "u2netp", **web: Any) -> None:
        self.port = ports.free()
        web = {"listen": f"127.0.0.1:{self.port}", **web}
        (root / "in").mkdir(exist_ok=True)
        log = {"file": str(root / "nobgd.log")}
        self.daemon = Daemon(root, cache_dir=str(cache), web=web, log=log, model={"name": model})
        self.config = self.daemon.config
        self.home = root / "state/web"

    def start(self) -> Page:
        self.daemon.start()
        await_true(self.answers)
        return self

    def answers(self) -> bool:
        """Whether the page is there."""
        try:
            return self.ask("GET", "/api/v1/session").status == 200
        except OSError:
            return False

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, **headers: str
    ) -> Answer:  # fmt: skip
        """What comes back; ConnectionError where it was cut short, wherever that was."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=100)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            line.request(method, path, body, named)
            found = line.getresponse()
            return Answer(found.status, {k.lower(): v for k, v in found.getheaders()}, found.read())
        except http.client.IncompleteRead as error:
            raise ConnectionError(f"cut short: {error}") from error
        finally:
            line.close()

    def verb(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "nobgd", "web", *words, "-c", str(self.config)],
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip

    def token(self, scopes: str) -> str:
        made = self.verb("token", "add", scopes.replace(",", "-"), "--scope", scopes)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()


def form(*parts: tuple[str, str | None, bytes]) -> tuple[bytes, str]:
    """A multipart body of (field, file name, bytes), and its Content-Type."""
    out = b""
    for field, filename, data in parts:
        said = f'; filename="{filename}"' if filename is not None else ""
        out += f'--limit\r\nContent-Disposition: form-data; name="{field}"{said}\r\n\r\n'.encode()
        out += data + b"\r\n"
    return out + b"--limit--\r\n", "multipart/form-data; boundary=limit"


@pytest.fixture(scope="module")
def page(
    tmp_path_factory: pytest.TempPathFactory, cache: Path
) -> Iterator[Page]:  # fmt: skip
    made = Page(tmp_path_factory.mktemp("page"), cache).start()
    yield made
    assert made.daemon.stop() == 0
    assert "Traceback" not in (made.daemon.root / "stderr").read_text()


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Optimising the model once is enough."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Real photos as JPEGs, by name; small, for the tests are not of the model."""
    import skimage

    folder = tmp_path_factory.mktemp("photos")
    found = {}
    for name in ("coffee", "astronaut", "chelsea"):
        with Image.open(Path(skimage.__file__).parent / f"data/{name}.png") as picture:
            picture.convert("RGB").resize((200, 150)).save(folder / f"{name}.jpg", quality=90)
        found[name] = (folder / f"{name}.jpg").read_bytes()
    return found
