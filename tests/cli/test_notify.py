"""nobgd notify, as it is started: the log on its input, a webhook or a command at the other end."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

NOTIFY = [sys.executable, "-m", "nobgd", "notify"]
LOST = {
    "event": "outbox.lost", "level": "warning", "outbox": "/out", "code": "gone_away",
    "why": "is not mounted",
}  # fmt: skip
LOG = "\n".join(["no JSON", json.dumps({"event": "photo.done"}), "[1]", json.dumps(LOST)])


class Hook(HTTPServer):
    """Keeps what it is sent; the first ``refused`` get 500."""

    def __init__(self) -> None:
        self.heard: list[dict[str, object]] = []
        self.told = threading.Event()
        self.refused = 0
        self.answer = 204
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                good = hook.refused <= 0
                hook.refused -= 1
                if good:
                    hook.heard.append(body)
                    hook.told.set()
                self.send_response(hook.answer if good else 500)
                if good and hook.answer == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """With something secret in it."""
        return f"http://127.0.0.1:{self.server_address[1]}/hooks/secret"


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.shutdown()
    made.server_close()


def notify(*words: str, log: str = LOG) -> subprocess.CompletedProcess[str]:
    command = [*NOTIFY, *words]
    return subprocess.run(
        command, input=log, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_webhook_gets_what_a_person_should_know(hook: Hook) -> None:
    """The last line counts without its end, and what is no line of ours is passed over."""
    done = notify("--webhook", hook.url)
    assert done.returncode == 0, done.stderr
    (body,) = hook.heard
    assert body["title"] == "nobgd: outbox.lost"
    assert "/out" in str(body["text"])
    assert body["counts"] == {"outbox.lost": 1}
    assert body["events"] == [LOST]


def test_one_that_refuses_is_told_again_and_its_secret_is_kept(hook: Hook) -> None:
    """With the next notice, as long as the log goes on."""
    hook.refused = 1
    command = [*NOTIFY, "--every", "0.2", "--webhook", hook.url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        print(LOG, file=process.stdin, flush=True)
        said = process.stderr.readline()
        assert "answers 500" in said
        assert "secret" not in said
        assert hook.told.wait(60)
        process.stdin.close()
        assert process.wait(30) == 0
    assert hook.heard[0]["counts"] == {"outbox.lost": 1}


def test_one_that_sends_elsewhere_has_not_been_told(hook: Hook) -> None:
    """There the notice would arrive without its words; the address is to be mended."""
    hook.answer = 302
    done = notify("--webhook", hook.url)
    assert done.returncode == 1
    assert "answers 302" in done.stderr


def test_a_command_gets_the_text(tmp_path: Path) -> None:
    """On its input, and title and events in its environment; its failure is ours."""
    kept = tmp_path / "kept"
    script = f'cat > {kept}; echo "$NOBGD_TITLE" >> {kept}; echo "$NOBGD_EVENTS" >> {kept}'
    assert notify("--", "sh", "-c", script).returncode == 0
    text, title, events = kept.read_text().splitlines()
    assert "is not mounted" in text
    assert title == "nobgd: outbox.lost"
    assert json.loads(events) == [LOST]
    failed = notify("--", "sh", "-c", "exit 7")
    assert failed.returncode == 1
    assert "ends with 7" in failed.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "name a webhook"),
        (("--webhook", "https://a.example", "--", "true"), "one of the two"),
        (("--webhook", "file:///etc/passwd"), "begins with https://"),
        (("--event", "photo.lost", "--", "true"), "is none of the log"),
    ],
)
def test_what_cannot_be_meant_is_said(words: tuple[str, ...], says: str) -> None:
    """In a line, with exit code 2."""
    done = notify(*words)
    assert done.returncode == 2
    assert says in done.stderr


def test_only_what_was_asked_for_is_told(hook: Hook) -> None:
    """--event names it."""
    assert notify("--event", "photo.quarantined", "--webhook", hook.url).returncode == 0
    assert hook.heard == []
