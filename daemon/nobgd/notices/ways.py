"""Ways to tell: a webhook, which gets JSON, or a command, which gets the text on its input."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence

from nobgd import __version__
from nobgd.notices.digest import Notice

_ANSWER_S = 20.0
_COMMAND_S = 60.0
Way = Callable[[Notice], str | None]  # why it could not be told; None: it was


def body(notice: Notice) -> dict[str, object]:
    """What a webhook gets; ``text`` is what chat programs show of it."""
    return {
        "text": f"{notice.title}\n{notice.text}", "title": notice.title,
        "host": socket.gethostname(), "counts": dict(notice.counts), "events": list(notice.events),
    }  # fmt: skip


class _Stays(urllib.request.HTTPRedirectHandler):
    """Goes nowhere else: what is redirected would arrive as a GET, without the notice."""

    def redirect_request(self, *_: object) -> None:
        """None: the redirection is the answer, and an error."""


def webhook(url: str) -> Way:
    """POST it.  Raises ValueError for what is no http or https address."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a webhook begins with https:// or http://, and has a host")
    shown = f"{parts.scheme}://{parts.hostname}"  # what follows may be a secret
    opener = urllib.request.build_opener(_Stays)

    def tell(notice: Notice) -> str | None:
        request = urllib.request.Request(  # noqa: S310 - its scheme was looked at
            url, json.dumps(body(notice)).encode(),
            {"Content-Type": "application/json", "User-Agent": f"nobgd/{__version__}"},
        )  # fmt: skip
        try:
            with opener.open(request, timeout=_ANSWER_S):
                return None
        except urllib.error.HTTPError as error:
            return f"{shown} answers {error.code}; is the address right? It is tried again"
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or error
            return f"{shown} cannot be reached: {why}; it is tried again"

    return tell


def command(words: Sequence[str]) -> Way:
    """Run it: the text on its input, NOBGD_TITLE and NOBGD_EVENTS (JSON) in its environment."""

    def tell(notice: Notice) -> str | None:
        more = {"NOBGD_TITLE": notice.title, "NOBGD_EVENTS": json.dumps(notice.events[:10])}
        try:
            done = subprocess.run(
                words, input=notice.text + "\n", text=True, timeout=_COMMAND_S, check=False,
                env={**os.environ, **more},
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{words[0]}: {error}; is it there, and may it be run?"
        if done.returncode != 0:
            return f"{words[0]} ends with {done.returncode}; its own words say why"
        return None

    return tell
