"""The page's line: where it is, or what keeps it from those who ask, with the commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from nobgd import config
from nobgd.doctor import ask, page
from nobgd.systemd import page as drop_ins
from nobgd.systemd import unit
from nobgd.web import tokens


def _said(folder: Path, web: str, *, serving: bool = True) -> str | None:
    """The line for a configuration with this section `web:`, if any."""
    path = folder / "nobgd.yaml"
    section = f"web: {web}\n" if web else ""
    path.write_text(f"state_dir: {folder}\ninboxes: [{{path: in, outbox: out}}]\n{section}")
    found = page.look(config.load(path), serving=serving)
    return None if found is None else str(found)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Units that are installed, with drop-ins that fit, and what systemd says of them."""
    told = {"nobgd-web.socket": "active", "nobgd-web.service": "inactive"}
    (tmp_path / "nobgd-web.socket").touch()
    monkeypatch.setattr(unit, "UNITS", (str(tmp_path),))
    monkeypatch.setattr(drop_ins, "differences", lambda _: [])
    monkeypatch.setattr(ask, "of_unit", lambda _, name="nobgd.service": told[name])
    return told


def test_a_page_that_listens_is_ok(tmp_path: Path, state: dict[str, str]) -> None:
    """With where, and whether its process runs."""
    first = "ok   page: http://127.0.0.1:8470/, its process"
    assert _said(tmp_path, "{}") == f"{first} starts when somebody asks"
    state["nobgd-web.service"] = "active"
    assert _said(tmp_path, "{}") == f"{first} runs"


def test_a_socket_that_does_not_listen_is_a_fault(tmp_path: Path, state: dict[str, str]) -> None:
    """Stopped, failed, or not installed: each with its way out."""
    state["nobgd-web.socket"] = "inactive"
    assert "nobody listens; sudo systemctl enable --now nobgd" in (_said(tmp_path, "{}") or "")
    state["nobgd-web.socket"] = "failed"
    assert "journalctl -u nobgd-web" in (_said(tmp_path, "{}") or "")
    (tmp_path / "nobgd-web.socket").unlink()
    assert "not installed; sudo systemd/install.sh" in (_said(tmp_path, "{}") or "")


def test_beyond_this_machine_a_token_is_needed_first(tmp_path: Path, state: dict[str, str]) -> None:
    """Before anything else is said."""
    assert state
    far = '{listen: "0.0.0.0:8470"}'
    assert "sudo nobgd web token add NAME" in (_said(tmp_path, far) or "")
    (tmp_path / "web").mkdir()
    tokens.add(tmp_path / "web/tokens.json", "shop", ("look",))
    assert (_said(tmp_path, far) or "").startswith("ok   page: http://127.0.0.1:8470/")


def test_a_page_that_nobody_configured_is_closed(tmp_path: Path, state: dict[str, str]) -> None:
    """If it listens; else there is nothing to say."""
    assert "sudo systemctl disable --now nobgd-web.socket" in (_said(tmp_path, "") or "")
    state["nobgd-web.socket"] = "inactive"
    assert _said(tmp_path, "") is None


def test_without_a_service_the_foreground_has_it(tmp_path: Path) -> None:
    """While it runs."""
    line = _said(tmp_path, "{}", serving=False)
    assert line == "ok   page: http://127.0.0.1:8470/, while `nobgd run` runs"
