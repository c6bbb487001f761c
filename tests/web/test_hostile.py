"""Requests that nobody honest sends, and kills in the middle: nothing is lost, all goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import threading
from pathlib import Path

import pytest

from e2e.conftest import await_true
from web.conftest import Page, form

_SEED = 18
_MANY = 9  # photos during kills


def _raw(page: Page, data: bytes) -> bytes:
    """What comes back for these bytes, until the other end closes."""
    with socket.create_connection(("127.0.0.1", page.port), timeout=100) as line:
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        out = b""
        while part := line.recv(65_536):
            out += part
    return out


def _left(page: Page) -> list[Path]:
    return list(page.home.glob("in/*/.nobgd*"))


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([("file", "a.jpg", b"")], 400),
        ([("file", "a.jpg", b"no picture")], 400),
        ([("x", None, b"y" * 70_000), ("file", "a.jpg", b"\xff\xd8\xff")], 400),
        ([(f"x{number}", None, b"y") for number in range(100)], 400),
        ([("file", "a.jpg", b"\xff\xd8\xff"), ("file", "b.jpg", b"\xff\xd8\xff")], 400),
    ],
)
def test_a_bad_form_is_refused(
    page: Page, parts: list[tuple[str, str | None, bytes]], status: int
) -> None:  # fmt: skip
    """And nothing of it stays in the drop folder."""
    body, kind = form(*parts)
    assert page.ask("POST", "/drop", body, Content_Type=kind).status == status
    assert not _left(page)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"--limit\r\nContent-Disposition: form-data; name=file\r\n\r\nabc", "limit"),
        (b"junk", "limit"), (b"", "limit"), (b"--other--\r\n", "limit"), (b"x" * 5000, ""),
    ],
)  # fmt: skip
def test_a_damaged_multipart_body_is_refused(page: Page, body: bytes, kind: str) -> None:
    """Cut off, of another boundary, or of none."""
    found = page.ask("POST", "/api/remove", body,
                     Content_Type=f"multipart/form-data; boundary={kind}")  # fmt: skip
    assert found.status in (400, 422)
    assert not _left(page)


def test_too_much_is_refused_before_it_is_read(page: Page) -> None:
    """By its length alone; a client that waits for the word need not send a byte."""
    with socket.create_connection(("127.0.0.1", page.port), timeout=100) as line:
        line.sendall(b"POST /api/v1/cutout HTTP/1.1\r\nHost: localhost\r\n")
        line.sendall(b"Content-Length: 9000000000\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 413 ")
    assert not _left(page)


def test_half_an_upload_leaves_nothing(page: Page, photos: dict[str, bytes]) -> None:
    """The client went away: there is no photo, and no temporary file."""
    head = "POST /api/v1/cutout HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n"
    _raw(page, head.encode() + photos["coffee"])
    await_true(lambda: not _left(page))
    assert page.answers()


def test_a_head_that_does_not_end_is_given_up(page: Page) -> None:
    """A client that sends a byte now and then holds no connection for ever."""
    with socket.create_connection(("127.0.0.1", page.port), timeout=100) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: local")
        assert line.recv(100) == b""


def test_deep_json_and_odd_json_are_refused(page: Page) -> None:
    """With 400, in the dialect's own words."""
    for body in (b"[" * 100_000, b"{", b"[]", b'"x"', b'{"key": {}}', b"\xff", b'{"key": 1}'):
        assert page.ask("POST", "/api/v1/session", body).status == 400, body[:10]
        found = page.ask("POST", "/v1.0/removebg", body, Content_Type="application/json")
        assert found.status == 400
        assert found.json["errors"]


def test_names_are_data(page: Page) -> None:
    """Markup, control characters, other encodings and long ones: a file is called by some of it."""
    names = ["<img src=x onerror=alert(1)>.jpg", "..", "", "/", "\0.jpg", "a\tb\x1b[2J.jpg",
             "\N{SNOWMAN}" * 300, "a" * 5000, ".hidden.jpg", "con.jpg", "~!@#$%.jpg"]  # fmt: skip
    for name in names:
        body, kind = form(("file", name, b"GIF89a"))
        assert page.ask("POST", "/api/remove", body, Content_Type=kind).status in (400, 422)
    (day,) = page.home.glob("in/*")
    for path in day.iterdir():
        assert not set(path.name) & set("<>\r\n\0/\\\"'&")
        assert not path.name.startswith(".")
        assert len(os.fsencode(path.name)) < 200
    assert not list(page.home.parent.glob("**/*onerror*.png"))


def test_random_requests_break_nothing(page: Page) -> None:
    """No answer says that it is our fault, and the page goes on."""
    chance = random.Random(_SEED)
    verbs = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "\x00"]
    paths = ["/", "/drop", "/api/remove",
             "/v1.0/removebg", "/api/v1/photos", "/api/v1/session",
             "/api/v1/cutout?format=%ff", "/api/v1/photos/%2e%2e/result", "//", "/static/../x",
             "/api/v1/photos?after=%00&limit=-1", "*", "http://evil.test/"]  # fmt: skip
    heads = ["Host: localhost", "Host: \xff", "Content-Length: -1", "Content-Length: 5",
             "Transfer-Encoding: chunked", "Content-Type: multipart/form-data; boundary=",
             "Content-Type: multipart/form-data; boundary=x", "Content-Type: application/json",
             "Cookie: nobgd=../../x", "X-Api-Key: \xe9", "Range: bytes=0-,0-,0-,0-",
             "Authorization: Bearer", "Expect: 100-continue", "Accept: */*;q=x"]  # fmt: skip
    for _ in range(300):
        some = chance.sample(heads, chance.randrange(6))
        lines = [f"{chance.choice(verbs)} {chance.choice(paths)} HTTP/1.1", *some,
                 "Connection: close", "", ""]  # fmt: skip
        body = chance.randbytes(chance.randrange(40))
        back = _raw(page, "\r\n".join(lines).encode("latin-1") + body)
        assert not back.startswith(b"HTTP/1.1 5"), (lines, back[:200])
    assert page.answers()


@pytest.mark.timeout(600)
def test_kills_lose_and_double_nothing(
    tmp_path: Path, cache: Path, photos: dict[str, bytes]
) -> None:  # fmt: skip
    """Of the web process and of the daemon, while photos are handed in: what was taken is done."""
    page = Page(tmp_path, cache).start()
    key = page.token("submit,look")
    taken: dict[str, str] = {}  # id → name
    ended = threading.Event()

    def hand_in(first: int) -> None:
        for number in range(first, _MANY, 3):
            name = f"{number:03}.jpg"
            data = photos["coffee"] + number.to_bytes(4, "big")
            while not ended.is_set():
                try:
                    put = page.ask("PUT", f"/api/v1/photos?name={name}", data, X_Api_Key=key)
                except OSError:
                    ended.wait(0.1)
                    continue
                if put.status in (200, 201):
                    taken[put.json["id"]] = name
                    break
                ended.wait(0.1)

    threads = [threading.Thread(target=hand_in, args=(first,)) for first in range(3)]
    for thread in threads:
        thread.start()
    try:
        await_true(lambda: len(taken) >= 2)
        for process in _web_processes(page):
            os.kill(process, signal.SIGKILL)
        await_true(lambda: len(taken) >= 5)
        page.daemon.kill()
        page.daemon.start()
        for thread in threads:
            thread.join(100)
    finally:
        ended.set()
    assert sorted(taken.values()) == [f"{number:03}.jpg" for number in range(_MANY)]
    await_true(lambda: len(list(page.home.glob("out/*/*.png"))) == _MANY, 300)
    for name in taken:
        found = page.ask("GET", f"/api/v1/photos/{name}?wait=25", X_Api_Key=key).json
        assert found["state"] == "done", found
    done = [each for each in page.daemon.events("photo.done") if each["how"] == "computed"]
    assert len({each["source"] for each in done}) == len(done)
    assert page.daemon.stop() == 0
    await_true(lambda: not _left(page))
    assert not _web_processes(page)


def _web_processes(page: Page) -> list[int]:
    """Those that serve this page."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--minded" in words and os.fsencode(page.config) in words:
            found.append(int(folder.name))
    return found


def test_a_wrong_key_is_no_key(page: Page) -> None:
    """Neither in a field nor in JSON; and none is in what the page says of it."""
    found = page.ask("POST", "/api/v1/session", json.dumps({"key": "secret-guess"}))
    assert found.status == 401
    assert b"secret-guess" not in found.body
