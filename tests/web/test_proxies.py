"""What docs/proxies.md says is run as it stands there: nginx, Caddy, DSM's form, Home Assistant."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import ports
from e2e.conftest import await_true
from web.clients import certify
from web.conftest import Page

DOC = Path(__file__).parents[2] / "docs/proxies.md"
HOST = "nas.lan"
_LARGE = 30_000_000  # bytes: more than any proxy takes unless it is told to
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


def _section(title: str) -> str:
    return DOC.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _snippet(title: str, port: int) -> str:
    """The code of a section, with the page's port of this test."""
    found = re.search(r"```\w*\n(.*?)```", _section(title), re.DOTALL)
    assert found is not None
    return found[1].replace("127.0.0.1:8470", f"127.0.0.1:{port}")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Page]:
    made = Page(tmp_path_factory.mktemp("page"), cache, hosts=[HOST, "api.remove.bg"]).start()
    yield made
    assert made.daemon.stop() == 0


@pytest.fixture(scope="module")
def key(page: Page) -> str:
    return page.token("submit,look")


@dataclass(frozen=True)
class Proxied:
    """A proxy on a port of loopback, asked in a name of its own."""

    host: str
    port: int
    authority: Path
    base: str

    def words(self) -> list[str]:
        """What curl is told of the network: the name is here, and whom to believe."""
        return ["--connect-to", f"{self.host}::127.0.0.1:{self.port}", "--cacert",
                str(self.authority), "--noproxy", "*"]  # fmt: skip

    def curl(self, path: str, *words: str) -> tuple[int, bytes]:
        """Status and body."""
        command = ["curl", "-sS", "-w", "%{stderr}%{http_code}", *self.words(), *words]
        url = f"https://{self.host}{self.base}{path}"
        ran = subprocess.run([*command, url], capture_output=True, timeout=100, check=False)
        return int(ran.stderr[-3:] or b"0"), ran.stdout

    def answers(self) -> bool:
        return self.curl("/")[0] == 200


@contextlib.contextmanager
def _running(*command: str, log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def _nginx(root: Path, servers: str, port: int, base: str) -> Iterator[Proxied]:
    """A foreground nginx with these server blocks, and a certificate for `HOST`."""
    if shutil.which("nginx") is None:
        pytest.skip("needs nginx")
    certify(root, HOST)
    temps = "".join(
        f"{each}_temp_path {root}/{each};\n"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    settings = f"""daemon off; master_process off; pid {root}/pid; error_log stderr;
events {{}}
http {{
access_log off;
{temps}
ssl_certificate {root}/cert.pem; ssl_certificate_key {root}/key.pem;
{servers}
}}
"""
    (root / "nginx.conf").write_text(settings)
    with _running("nginx", "-c", str(root / "nginx.conf"), log=root / "log"):
        made = Proxied(HOST, port, root / "ca.pem", base)
        await_true(made.answers)
        yield made


@contextlib.contextmanager
def _caddy(root: Path, sites: str, host: str, base: str) -> Iterator[Proxied]:
    """Caddy with these sites and an authority of its own, which nobody on this machine trusts."""
    if shutil.which("caddy") is None:
        pytest.skip("needs caddy")
    port = ports.free()
    settings = f"""{{
	admin off
	http_port {ports.free()}
	https_port {port}
	local_certs
	skip_install_trust
	storage file_system {root}/data
}}
{sites}"""
    (root / "Caddyfile").write_text(settings)
    with _running("caddy", "run", "--config", str(root / "Caddyfile"), "--adapter", "caddyfile",
                  log=root / "log"):  # fmt: skip
        made = Proxied(host, port, root / "data/pki/authorities/local/root.crt", base)
        await_true(made.answers)
        yield made


@contextlib.contextmanager
def _proxied(kind: str, root: Path, page: Page) -> Iterator[Proxied]:
    port = ports.free()
    match kind:
        case "nginx":
            server = f"server {{ listen 127.0.0.1:{port} ssl; server_name {HOST};\n"
            with _nginx(root, f"{server}{_snippet('nginx', page.port)}}}", port, "/nobgd") as made:
                yield made
        case "Caddy":
            with _caddy(root, _snippet("Caddy", page.port), HOST, "/nobgd") as made:
                yield made
        case _:
            with _nginx(root, _dsm(port, page.port), port, "") as made:
                yield made


def _dsm(port: int, page: int) -> str:
    """What DSM 7 is known to write into server.ReverseProxy.conf for the form of the docs."""
    form = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", _section("Synology DSM"), re.MULTILINE))
    source = form["Source: protocol, hostname, port"].split(", ")
    target = form["Destination: protocol, hostname, port"].split(", ")
    assert (source, target) == (["HTTPS", HOST, "8471"], ["HTTP", "localhost", "8470"])
    return f"""client_max_body_size 0;
server {{
    listen 127.0.0.1:{port} ssl http2;
    server_name {source[1]};
    if ( $host !~ "(^{source[1]}$)" ) {{ return 404; }}
    location / {{
        proxy_connect_timeout 60;
        proxy_read_timeout {form["Advanced settings: read timeout"]};
        proxy_send_timeout 60;
        proxy_intercept_errors off;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_pass http://127.0.0.1:{page};
    }}
}}"""


@pytest.mark.parametrize("kind", ["nginx", "Caddy", "Synology DSM"])
def test_the_page_and_the_api_work_behind_it(
    page: Page, key: str, kind: str, tmp_path: Path, photos: dict[str, bytes]
) -> None:  # fmt: skip
    """Frame and files, a photo in and out, a large body, events; nobody without a token."""
    (tmp_path / "cup.jpg").write_bytes(photos["coffee"])
    (tmp_path / "large.jpg").write_bytes(photos["chelsea"] + kind.encode() + bytes(_LARGE))
    shown = ("-H", f"X-Api-Key: {key}")
    with _proxied(kind, tmp_path, page) as proxy:
        status, frame = proxy.curl("/")
        assert status == 200
        for name in re.findall(r'(?:href|src)="(static/[^"]+)"', frame.decode()):
            assert proxy.curl(f"/{name}")[0] == 200
        photo = ("--data-binary", f"@{tmp_path}/cup.jpg")
        assert proxy.curl("/api/v1/cutout?name=cup.jpg", *photo)[0] == 401
        status, found = proxy.curl("/api/v1/cutout?name=cup.jpg", *photo, *shown)
        direct = page.ask("POST", "/api/v1/cutout?name=cup.jpg", photos["coffee"])
        assert (status, found) == (200, direct.body)
        large = proxy.curl("/api/v1/photos?name=large.jpg", "-T", f"{tmp_path}/large.jpg", *shown)
        assert large[0] == 201
        _, said = proxy.curl("/api/v1/events", "-N", "--max-time", "2", *shown)
        assert said.startswith(b"retry: 3000\n\nevent: status\n")


def test_remove_bgs_name(page: Page, key: str, tmp_path: Path, photos: dict[str, bytes]) -> None:
    """Caddy's own authority vouches for it, and remove.bg's words are answered."""
    (tmp_path / "cup.jpg").write_bytes(photos["coffee"])
    site = _snippet("In the name of api.remove.bg", page.port)
    with _caddy(tmp_path, site, "api.remove.bg", "") as proxy:
        asked = ("-F", f"image_file=@{tmp_path}/cup.jpg", "-F", "size=auto")
        assert proxy.curl("/v1.0/removebg", *asked, "-H", "X-Api-Key: theirs")[0] == 403
        status, found = proxy.curl("/v1.0/removebg", *asked, "-H", f"X-Api-Key: {key}")
        assert status == 200
        assert found.startswith(b"\x89PNG")


class _Secrets(yaml.SafeLoader):
    """YAML as Home Assistant reads it."""


_Secrets.add_constructor("!secret", lambda _, node: f"secret {node.value}")


def test_home_assistant(
    page: Page, key: str, tmp_path: Path, photos: dict[str, bytes]
) -> None:  # fmt: skip
    """Its shell command is run by a shell, its sensor asks for what its template names."""
    said = yaml.load(_snippet("Home Assistant", page.port), _Secrets)
    (tmp_path / "www").mkdir()
    (tmp_path / "www/door.jpg").write_bytes(photos["coffee"])
    (tmp_path / "nobgd.header").write_text(f"X-Api-Key: {key}\n")
    with _proxied("nginx", tmp_path, page) as proxy:
        (tmp_path / ".curlrc").write_text(_curlrc(proxy))
        command = said["shell_command"]["nobgd"].replace("/config", str(tmp_path))
        environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        subprocess.run(["sh", "-c", command], env=environment, check=True, timeout=100)
        direct = page.ask("POST", "/api/v1/cutout?name=door.jpg", photos["coffee"])
        assert (tmp_path / "www/door_nobg.png").read_bytes() == direct.body
        (sensor,) = said["sensor"]
        assert sensor["headers"] == {"X-Api-Key": "secret nobgd_token"}
        path = sensor["resource"].removeprefix(f"https://{HOST}/nobgd")
        status, body = proxy.curl(path, "-H", f"X-Api-Key: {key}")
        named = re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", sensor["value_template"])
        assert named is not None
        told: dict[str, Any] = json.loads(body)
        assert (status, told[named[1]]) == (200, 0)


def _curlrc(proxy: Proxied) -> str:
    words = proxy.words()
    pairs = zip(words[::2], words[1::2], strict=True)
    return "".join(f'{option.removeprefix("--")} = "{value}"\n' for option, value in pairs)
