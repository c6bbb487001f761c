"""Requests that nobody honest sends, by the thousand, against the page of a running daemon.

Other names (rebinding), other sites' pages, paths that climb, names with markup, damaged
multipart bodies, odd JSON, lengths that lie, headers without end, bombs and noise.  No answer may
say that it is nobgd's fault, no file may appear outside of the drop folder or under a name that
steers anything, the process that serves must be the one it was, and must not grow.
"""

from __future__ import annotations

import contextlib
import random
import re
import socket
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from faults.house import Checks
from faults.paged import Paged, memory_mb
from faults.pictures import valid

NAME, TITLE = "fuzz_page", "hostile requests to the page and its API"
FULL, SHORT = 10_000, 300
_PORTION = 500
_MOST_MB = 90.0  # at the highest: 40 in use, and what eight uploads may hold
_MOMENT_S, _PATIENCE_S = 0.3, 60.0
_MUCH = 1 << 20  # bytes of an answer that are read
_ODD_VERBS = ("HEAD", "OPTIONS", "PATCH", "TRACE", "\0", "GET GET", "get", "PRI")
_ROUTES = (
    "GET /", "POST /drop", "GET /static/main.js", "POST /api/remove", "GET /api/remove?url=x",
    "POST /api/remove-background", "POST /v1.0/removebg", "GET /v1.0/account", "POST /v1.0/improve",
    "POST /api/v1/session", "GET /api/v1/session", "DELETE /api/v1/session", "PUT /api/v1/photos",
    "GET /api/v1/photos", "POST /api/v1/cutout", "GET /api/v1/photos/{}", "POST /v1.0/removebg",
    "GET /api/v1/photos/{}/result", "GET /api/v1/photos/{}/preview/out/320", "PUT /api/v1/photos",
    "POST /api/v1/photos/{}/retry", "POST /api/v1/photos/{}/redo", "PUT /api/v1/photos/{}/mask",
    "DELETE /api/v1/photos/{}/mask", "POST /api/v1/actions", "POST /api/v1/zip", "POST /api/v1/zip",
    "GET /api/v1/status", "GET /api/v1/report", "GET /api/v1/config", "POST /api/v1/resume",
    "GET /api/v1/openapi.json", "GET *", "GET //", "GET http://evil.test/", "GET /api/v1/events",
)  # fmt: skip
_CLIMBS = (
    b"../../etc/passwd", b"..%2f..%2fetc%2fpasswd", b"\0", b"/etc/passwd", b".nobgd-x.tmp",
    b"a\tb\x1b[2J.jpg", "\N{SNOWMAN}".encode() * 300, b"con.jpg", b"<img src=x onerror=alert(1)>",
    b"x" * 5000, b"\xff\xfe.jpg", b"_RETRY", b"_nobgd.txt", b"a;b|c`d$e.jpg", b"..", b"-rf",
)  # fmt: skip
_HOSTS = ("localhost", "127.0.0.1", "evil.test", "localhost.evil.test", "[::1]", "\xff", "a" * 999,
          "localhost@evil.test", "127.0.0.1:1:2", "")  # fmt: skip
_HEADERS = (
    "Content-Length: -1", "Content-Length: 99999999999", "Content-Length: 5", "Content-Length: x",
    "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Cookie: nobgd=../../x",
    "X-Api-Key: \xe9", "X-Api-Key: nobgd_" + "a" * 43, "Range: bytes=0-,0-,0-,0-",
    "Authorization: Bearer", "Expect: 100-continue", "Origin: http://evil.test", "Origin: null",
    "Sec-Fetch-Site: cross-site", "X-Forwarded-For: 10.0.0.1", "Accept: */*;q=x",
    "If-None-Match: *", "Upgrade: websocket", "X: " + "y" * 70_000, "Bad Header", "\t: x",
    "Content-Encoding: gzip", "Accept-Encoding: gzip;q=x, br", "Connection: upgrade, close",
)  # fmt: skip
_KINDS = (
    "multipart/form-data; boundary=limit", "multipart/form-data; boundary=", "application/json",
    "multipart/form-data; boundary=" + "b" * 300, "application/x-www-form-urlencoded", "\xff/\xff",
    "image/jpeg", "multipart/mixed; boundary=limit", "application/json; charset=utf-16",
)  # fmt: skip
_OWN = re.compile(r"[\w .()+,=@-]+~[0-9a-f]{16}\.[a-z0-9]+")


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """Portions of requests; yields (next number, violations, counts)."""
    with Paged(root, root.parent / "cache") as house:
        checks = Checks(house)
        servers = house.servers()
        key = house.verb("token", "add", "row", "--scope", "submit,look,review,steer")
        while start < stop:
            end = min(stop, start + _PORTION)
            wrong, counts = [], Counter[str]()
            for number in range(start, end):
                chance = random.Random(seed * 1_000_003 + number)
                sent = _request(chance, key)
                try:
                    back = _answer(house.port, sent)
                except TimeoutError:
                    wrong.append(f"{number}: no answer to {sent[:200]!r}")
                    continue
                counts[back[9:12].decode("latin-1") if back[:5] == b"HTTP/" else "closed"] += 1
                if back.startswith(b"HTTP/1.1 5") and not back.startswith(b"HTTP/1.1 501 "):
                    wrong.append(f"{number}: {back[:120]!r} to {sent[:200]!r}")
            wrong += _looked_at(house, servers) + checks.violations({})
            yield end, wrong, counts
            start = end


def _looked_at(house: Paged, servers: list[int]) -> list[str]:
    """What a portion has left behind."""
    wrong = house.left()
    if house.servers() != servers or not house.answers():
        wrong.append("the page had to be started again")
    elif (most := memory_mb(servers[0])) > _MOST_MB:
        wrong.append(f"the page's process has grown to {most:.0f} MB")
    for path in house.home.glob("in/**/*"):
        if path.is_file() and not _OWN.fullmatch(path.name):
            wrong.append(f"a photo is called {path.name!r}")
    if "Traceback" in house.errors.read_text(errors="replace"):
        at = (said := house.errors.read_text(errors="replace")).index("Traceback")
        wrong.append(f"a traceback: {said[at : at + 3000]}")
    return wrong


def _answer(port: int, data: bytes) -> bytes:
    """What comes back until the other end closes; who sent too little says so after a moment.

    Raises TimeoutError.
    """
    out = b""
    with socket.create_connection(("127.0.0.1", port), timeout=_MOMENT_S) as line:
        with contextlib.suppress(OSError):  # it may be refused before all of it is sent
            line.sendall(data)
        while len(out) < _MUCH:
            try:
                part = line.recv(65_536)
            except TimeoutError:
                if line.gettimeout() == _PATIENCE_S:
                    raise
                line.settimeout(_PATIENCE_S)
                line.shutdown(socket.SHUT_WR)
                continue
            except OSError:
                break
            if not part:
                break
            out += part
    return out


def _request(chance: random.Random, key: str) -> bytes:
    """Some request; most of them show a token that may do everything."""
    if chance.random() < 0.05:
        return chance.randbytes(chance.randrange(1, 3000))
    body, kind = _body(chance)
    verb, path = chance.choice(_ROUTES).replace("{}", _id(chance)).split(" ", 1)
    if chance.random() < 0.3:
        path += "&" if "?" in path else "?"
        path += f"name={quote_from_bytes(chance.choice(_CLIMBS))}&{_odd(chance)}"
    heads = chance.sample(_HEADERS, chance.choice((0, 0, 0, 0, 1, 3)))
    if chance.random() < 0.95:
        heads.append(f"Host: {_HOSTS[0] if chance.random() < 0.8 else chance.choice(_HOSTS)}")
    if key and chance.random() < 0.7:
        heads.append(f"X-Api-Key: {key}")
    if chance.random() < 0.9:
        heads.append(f"Content-Type: {kind}")
    if chance.random() < 0.9:
        heads.append(f"Content-Length: {len(body) + chance.choice((0, 0, 0, 0, 0, 0, 7, -1))}")
    verb = verb if chance.random() < 0.9 else chance.choice(_ODD_VERBS)
    lines = [f"{verb} {path} HTTP/1.1", *heads, "Connection: close", "", ""]
    sent = "\r\n".join(lines).encode("latin-1") + body
    if chance.random() < 0.05:
        sent = sent[: chance.randrange(1, len(sent))]  # a client that went away
    return sent


def _id(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return quote_from_bytes(chance.choice(_CLIMBS), safe="" if chance.random() < 0.5 else "/")
    return "".join(chance.choices("ABCxyz019_-.%", k=chance.randrange(1, 60)))


def _odd(chance: random.Random) -> str:
    return chance.choice((
        "format=gif", "quality=-1", "canvas=99999x99999", "margin=%00", "background=%23zz",
        "limit=-1", "after=%ff", "after=bnVsbA", "wait=1e9", "v=%0d%0aX:%20y", "mask=1&format=webp",
        "longest_side=0", "url=file:///etc/passwd", "lang=../../x", "crop=true&crop_margin=9",
    ))  # fmt: skip


def _body(chance: random.Random) -> tuple[bytes, str]:
    match chance.randrange(6):
        case 0:
            return chance.randbytes(chance.randrange(200)), chance.choice(_KINDS)
        case 1:
            return _multipart(chance), _KINDS[0]
        case 2:
            return _json(chance), "application/json"
        case 3:
            field = chance.choice(("image_file_b64", "image_url", "bg_image_url", "ids", "size"))
            value = chance.choice(("http://169.254.169.254/", "AAAA", "data:,", "%00", "=" * 999))
            return f"{field}={value}&{field}={value}".encode(), "application/x-www-form-urlencoded"
        case 4:
            return _bomb(chance), "image/png"
        case _:
            return b"", chance.choice(_KINDS)


def _multipart(chance: random.Random) -> bytes:
    """Fields and files, now and then damaged."""
    out = b""
    for _ in range(chance.choice((1, 1, 2, 5, 80))):
        field = chance.choice((b"file", b"image_file", b"token", b"ids", b"x", b"", b"\xff"))
        named = b'; filename="' + chance.choice(_CLIMBS).replace(b'"', b"") + b'"'
        data = chance.choice((b"", b"GIF89a", b"\xff\xd8\xff" + b"z" * 90, b"y" * 70_000))
        out += b'--limit\r\nContent-Disposition: form-data; name="' + field + b'"'
        out += named * chance.randrange(2) + b"\r\n\r\n" + data + b"\r\n"
    out += b"--limit--\r\n"
    if chance.random() < 0.5:
        at = chance.randrange(len(out))
        out = out[:at] + chance.randbytes(chance.randrange(4)) + out[at + chance.randrange(9) :]
    return out


def _json(chance: random.Random) -> bytes:
    return chance.choice((
        b"[" * 50_000, b"{", b"[]", b'"x"', b'{"key": {}}', b"\xff", b'{"key": 1}', b"null",
        b'{"ids": ["../../x"], "do": "retry"}', b'{"do": "rm", "ids": [null]}',
        b'{"inbox": "\\u0000"}', b'{"image_file_b64": 7}', b'{"image_url": "file:///etc/passwd"}',
        b'{"model": "../../x"}',
        b'{"ids": [' + b'"a",' * 2000 + b'"a"]}', b'{"key": "' + b"k" * 90_000 + b'"}', b"1e999",
    ))  # fmt: skip


def _bomb(chance: random.Random) -> bytes:
    """A PNG that says to be of 60,000 pixels a side, a real one cut short, or a small photo."""
    if chance.random() < 0.3:
        return valid(chance.randrange(50))[: chance.choice((40, 300, 10_000))]
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0)
    chunk = b"IHDR" + head
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    return png + struct.pack(">I", zlib.crc32(chunk)) + zlib.compress(bytes(100_000))
