"""What `web:` implies: folders below the state folder, and an inbox among them.

The drop folder is an inbox like any other, so that what comes by the page is as safe as what is
dropped into a folder.  Its photos get their names by a rename, whole: nothing has to settle.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from nobgd.config.model import Config, InboxConfig
from nobgd.config.output import Output


def home(config: Config) -> Path:
    """The folder of the page and the API."""
    return config.state_dir / "web"


def drop(config: Config) -> Path:
    """Where handed-in photos get their names: the implied inbox."""
    return home(config) / "in"


def out(config: Config) -> Path:
    """The cut-outs of these."""
    return home(config) / "out"


def made(config: Config) -> Path:
    """What lanes made of cut-outs for those who asked: other formats, previews, copies."""
    return home(config) / "made"


def rendered(inbox: str, relpath: str, changed_at: float, word: str, tail: str) -> str:
    """The name in `made` of a cut-out in another format; another one for another cut-out."""
    photo = f"{inbox}\0{relpath}\0{changed_at!r}\0{word}".encode("utf-8", "surrogateescape")
    return f"{hashlib.sha256(photo).hexdigest()[:40]}{tail}"


def preview(inbox: str, relpath: str, changed_at: float, what: str, side: int) -> str:
    """The name in `made` of a small picture; another one when there is another cut-out."""
    photo = f"{inbox}\0{relpath}\0{changed_at!r}".encode("utf-8", "surrogateescape")
    return f"{hashlib.sha256(photo).hexdigest()[:32]}-{what}-{side}.webp"


def touches(config: Config) -> Path:
    """What people painted over cut-outs, called by its SHA-256; the web process writes here."""
    return home(config) / "touches"


def sessions(config: Config) -> Path:
    """One-time links and sessions of browsers; the web process writes here."""
    return home(config) / "sessions"


def tokens(config: Config) -> Path:
    """The tokens' hashes; only the command line writes here."""
    return home(config) / "tokens.json"


def folders(config: Config) -> tuple[Path, ...]:
    """All folders that have to be there, outermost first; none without `web:`."""
    if config.web is None:
        return ()
    shared = (drop, out, made, sessions, touches)
    return (home(config), *(each(config) for each in shared))


def whole(config: Config, inbox: str) -> bool:
    """Whether photos get their names in this inbox when they are whole, so that none grows."""
    return config.web is not None and inbox == str(drop(config))


def make(config: Config) -> None:
    """Make these folders.  Raises OSError."""
    for folder in folders(config):
        folder.mkdir(mode=0o770 if folder == sessions(config) else 0o777, exist_ok=True)


def with_inbox(config: Config) -> Config:
    """The configuration with the implied inbox; its cut-outs are plain ones, for all to follow."""
    top = config.output
    inbox = InboxConfig(
        path=drop(config), outbox=out(config), model=config.model,
        output=Output(
            suffix=top.suffix, compression=top.compression, edges=top.edges, metadata=top.metadata
        ),
        watch=config.watch.model_copy(update={"settle_s": 0.0, "mode": "auto"}),
        review=config.review.model_copy(update={"action": "mark"}),  # who handed it in gets it
        quarantine=config.state_dir / "quarantine" / "web",
    )  # fmt: skip
    return config.model_copy(update={"inboxes": (*config.inboxes, inbox)})
