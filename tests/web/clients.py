"""The name api.remove.bg on loopback, with TLS: what clients with that address in them talk to."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from pathlib import Path

NAME = "api.remove.bg"
_HANDSHAKE = b"\x16"  # the first byte of TLS


REDIRECT = """
const tls = require("tls"), connect = tls.connect;
tls.connect = (options, ...rest) =>
  connect({ ...options, host: "127.0.0.1", port: PORT, servername: options.servername }, ...rest);
"""  # for programs that know no proxy: what a LAN's name server would do


class Proxy:
    """A CONNECT proxy that ends TLS in the name of `NAME` and passes on what was inside.

    It also takes TLS without CONNECT, from clients that `REDIRECT` sends here.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.authority = folder / "ca.pem"
        certify(folder, NAME)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self._to = port
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """What a client is told, without a change of the client."""
        at, trusted = f"http://127.0.0.1:{self.port}", str(self.authority)
        return {"HTTPS_PROXY": at, "https_proxy": at, "REQUESTS_CA_BUNDLE": trusted,
                "CURL_CA_BUNDLE": trusted}  # fmt: skip

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._socket.accept()
                threading.Thread(target=self._client, args=(line,), daemon=True).start()

    def _client(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError), line:
            head = line.recv(1, socket.MSG_PEEK)
            if head != _HANDSHAKE:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += line.recv(4096)
                line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            inside = self._tls.wrap_socket(line, server_side=True)
            with inside, socket.create_connection(("127.0.0.1", self._to)) as page:
                back = threading.Thread(target=_pump, args=(page, inside), daemon=True)
                back.start()
                _pump(inside, page)
                back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def certify(folder: Path, name: str) -> None:
    """A throw-away authority, ca.pem, and a certificate of it for a name: cert.pem, key.pem."""
    named = folder / "name.cnf"
    named.write_text(f"subjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -keyout ca.key -out ca.pem",
        f"req -newkey rsa:2048 -nodes -subj /CN={name} -keyout key.pem -out cert.csr",
        "x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
        " -extfile name.cnf -out cert.pem",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
