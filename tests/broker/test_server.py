"""Which server does, and what is said of one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from nobgd.broker import server


@pytest.mark.parametrize(
    ("version", "does"),
    [
        ("2.10.27", False), ("2.11.16", False), ("2.12.6", False), ("2.12.7", True),
        ("2.12.12", True), ("2.13.9", False), ("2.14.0", True), ("2.15.1", True),
        ("2.14.0-RC.1", True), ("3.0.0", False), ("dev", False),
    ],
)  # fmt: skip
def test_a_version_has_what_is_needed_and_no_known_hole(version: str, does: bool) -> None:
    """Numbers, not text, are compared."""
    assert server.does(version) is does


def _installed(folder: Path, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "nats-server"
    program.write_text(f"#!/bin/sh\n{says}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_an_old_server_is_named_with_where_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is fetched by nobody else."""
    _installed(tmp_path, "echo nats-server: v2.10.27", monkeypatch)
    said = server.wrong()
    assert said is not None
    assert said.startswith(f"{tmp_path}/nats-server is 2.10.27, and 2.12.7 or 2.14 is needed")
    assert "package nats-server, the image nats:2.14" in said
    _installed(tmp_path, "exit 1", monkeypatch)
    assert "does not say its version" in str(server.wrong())
    _installed(tmp_path, "echo nats-server: v2.14.1", monkeypatch)
    assert server.wrong() is None


def test_a_server_that_is_not_there_is_said_not_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence."""
    monkeypatch.setattr(server, "PROGRAM", "nats-server-of-nobody")
    said = server.wrong()
    assert said is not None
    assert "is not installed; it comes as Debian" in said
    assert "\n" not in said
