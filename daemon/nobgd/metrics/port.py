"""Metrics by HTTP on the loopback device.

Asked on a thread that asks the loop; what goes wrong is a sentence for the log and never keeps the
daemon from its work.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

_TIMEOUT_S = 5.0
_HOSTS = ("127.0.0.1", "::1")


class Port:
    """Answers GET /metrics on 127.0.0.1 and, where there is one, ::1.  Never elsewhere."""

    def __init__(self, port: int, text: Callable[[], bytes], content_type: str) -> None:
        """Listen.  Raises OSError when 127.0.0.1 cannot be listened on."""
        handler = _handler(text, content_type)
        self._servers = [_Server((_HOSTS[0], port), handler)]
        with contextlib.suppress(OSError):  # a machine without IPv6
            self._servers.append(_Server6((_HOSTS[1], self.number), handler))
        for server in self._servers:
            threading.Thread(target=server.serve_forever, name="metrics port", daemon=True).start()

    @property
    def number(self) -> int:
        """The port, also when 0 was asked for."""
        return int(self._servers[0].server_address[1])

    def stop(self) -> None:
        """Listen no more."""
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind, without the base class's look for a host name, which may ask the network."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = _HOSTS[0], int(self.server_address[1])

    def handle_error(self, *_: object) -> None:
        """A client that hung up is no news."""


class _Server6(_Server):
    address_family = socket.AF_INET6


def _handler(text: Callable[[], bytes], content_type: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _TIMEOUT_S

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404, "only /metrics is here")
                return
            try:
                body = text()
            except TimeoutError:
                self.send_error(503, "the daemon does not answer")
                return
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Scrapes are not logged."""

    return Handler


def refusal(port: int, error: OSError) -> str:
    """Why a port could not be opened, and the way out, for the log."""
    said = f"metrics.port: 127.0.0.1:{port}: {error.strerror or error}"
    if "INVOCATION_ID" in os.environ:  # systemd started us: its sandbox may be what forbids it
        return f"{said}; `nobgd unit` prints a drop-in that allows it, or use metrics.textfile"
    return f"{said}; choose another port"


def unreachable(devices: str = "/proc/self/net/dev") -> str | None:
    """Why nobody can ask a port that is open: a network of our own (PrivateNetwork=yes)."""
    try:
        with open(devices) as stream:
            names = {line.partition(":")[0].strip() for line in stream if ":" in line}
    except OSError:
        return None
    if names != {"lo"} or "INVOCATION_ID" not in os.environ:
        return None
    return (
        "metrics.port: the unit has a network of its own (PrivateNetwork=yes), where nobody can"
        " ask; `nobgd unit` prints a drop-in that allows it, or use metrics.textfile"
    )
