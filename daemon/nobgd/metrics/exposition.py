"""Show metrics: a text file for node_exporter, and the same by HTTP on the loopback device.

The loop hands over text; a thread of its own writes the file, because the folder may hang.
HTTP is answered on a thread that asks the loop.  Neither ever keeps the daemon from its
work: what goes wrong is returned as a sentence for the log.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

from nobgd.fs import mounts, publish, sweeping, tree
from nobgd.values import NobgdError
from nobgd.values.mount import Mount

_TIMEOUT_S = 5.0
_HOSTS = ("127.0.0.1", "::1")


class TextFile:
    """Replaces a file with the newest text, whole each time.

    A link in its place is replaced, not followed.  Where the share that its folder lay on is no
    longer mounted nothing is written: what is put onto a bare mount point is hidden later.
    """

    def __init__(self, path: str, failed: Callable[[str], None]) -> None:
        """Begin; ``failed`` is told why it cannot be written, once, and "" when it can again."""
        self._folder, self._name = os.path.split(path)
        self._failed = failed
        self._mount: Mount | None = None  # what the folder lay on when last written
        self._swept = False
        self._texts: queue.SimpleQueue[Callable[[], bytes] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="metrics file", daemon=True)
        self._thread.start()

    def write(self, text: Callable[[], bytes]) -> None:
        """Have this text made and written, on a thread of our own; returns at once."""
        if self._texts.qsize() < 2:  # else the folder hangs, and older text waits already
            self._texts.put(text)

    def stop(self, timeout_s: float = 2.0) -> None:
        """Write what was handed over, then end; a folder that hangs is not waited for."""
        self._texts.put(None)
        self._thread.join(timeout_s)

    def _work(self) -> None:
        said = ""
        while (text := self._texts.get()) is not None:
            why = self._write(text())
            if why != said:
                self._failed(why)
            said = why

    def _write(self, text: bytes) -> str:
        try:
            with tree.within(self._folder) as folder:
                now, before = mounts.identify(folder), self._mount
                lost = mounts.judge(before, now) if before else mounts.unmounted(self._folder)
                if lost is not None:
                    return f"metrics.textfile: {lost}; mount it and it goes on"
                if not self._swept:
                    sweeping.sweep_here(folder)
                    self._swept = True
                publish.write(folder, self._name, [text], replace=True)
                self._mount = now
        except NobgdError as error:
            return f"metrics.textfile: {error.reason}"
        return ""


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
