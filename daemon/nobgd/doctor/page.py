"""Is the page there for those who ask?  One finding, or none where there is to be no page."""

from __future__ import annotations

from nobgd.config import Config, address, webbing
from nobgd.doctor import ask
from nobgd.doctor.finding import Finding
from nobgd.systemd import page, unit
from nobgd.web import minding, tokens


def look(config: Config, *, serving: bool) -> Finding | None:
    """``serving``: the installed service runs with this configuration."""
    state = ask.of_unit("ActiveState", page.SOCKET_UNIT) if serving else ""
    if config.web is None:
        if state != "active":
            return None
        says = f"{page.SOCKET_UNIT} listens, and the configuration has no web:; sudo systemctl"
        return _fix(f"{says} disable --now {page.SOCKET_UNIT} && sudo nobgd unit --apply")
    url = address.url(config.web.listen)
    if minding.missing():
        return _fix(minding.MISSING)
    if not address.near(config.web.listen) and _no_tokens(config):
        says = f"{config.web.listen} can be reached from elsewhere, so a token is needed first"
        return _fix(f"{says}: sudo nobgd web token add NAME")
    if not serving:
        return Finding(True, "page", f"{url}, while `nobgd run` runs")
    if not unit.installed(page.SOCKET_UNIT):
        return _fix("its units are not installed; sudo systemd/install.sh does that")
    if wrong := page.differences(config):
        says = f"{wrong[0]}; sudo nobgd unit --apply && sudo systemctl restart {page.SOCKET_UNIT}"
        return _fix(says)
    if state == "active":
        runs = ask.of_unit("ActiveState", "nobgd-web.service") == "active"
        now = "its process runs" if runs else "its process starts when somebody asks"
        return Finding(True, "page", f"{url}, {now}")
    if state == "failed":
        return _fix(
            "has failed; journalctl -u nobgd-web -n 20 says why, and when that is mended: sudo"
            f" systemctl reset-failed 'nobgd-web*' && sudo systemctl restart {page.SOCKET_UNIT}"
        )
    return _fix(f"nobody listens; sudo systemctl enable --now {page.SOCKET_UNIT}")


def _fix(says: str) -> Finding:
    return Finding(False, "page", says)


def _no_tokens(config: Config) -> bool:
    """False also where we may not look."""
    try:
        return not tokens.read(webbing.tokens(config))
    except (OSError, ValueError, KeyError, TypeError):
        return False
