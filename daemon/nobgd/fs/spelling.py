r"""Names that some disks do not take, and how they are spelt there instead; pure.

Windows' file systems take neither ``< > : " / \ | ? *`` nor control characters, no dot or blank at
the end and no device's name (Microsoft, "Naming Files, Paths, and Namespaces"); others take
no bytes that are no UTF-8, none beyond 143 bytes (eCryptfs), or only what a code page has.  So a
name has up to three other spellings, each nearer to what every disk takes.  They carry eight
digits of the name's hash: two names that look alike stay two.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata

_SHORT, _SHORTEST = 120, 100  # bytes; eCryptfs takes 143
_LONGEST = 255
MOST = 3  # spellings that a name may have besides its own
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\ud800-\udfff]')
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._()+,=@#~&'!$%{}\[\]^-]")
_END = re.compile(r"[. ]+$")
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|(com|lpt)[0-9¹²³]|conin\$|conout\$|clock\$)[ .]*$")


def variants(name: str, tail: str = "") -> tuple[str, ...]:
    """Other spellings of a file's or folder's name, the nearest first; none of a plain name.

    ``tail`` is the end of the name that stays at the end, as ``_nobg.png``.
    """
    body = name.removesuffix(tail) if tail else name
    end = name[len(body) :]
    digest = "~" + hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
    fit = _taken_by_windows(body, end)
    letters = unicodedata.normalize("NFKD", fit)  # é is e and an accent, which goes
    plain = _NOT_PLAIN.sub("_", "".join(c for c in letters if not unicodedata.combining(c)))
    wanted: list[str] = []
    if fit + _taken_by_windows(end, "") != name:
        wanted.append(_joined(fit, digest, end, _LONGEST))
    if len(os.fsencode(name)) > _SHORT:
        wanted.append(_joined(fit, digest, end, _SHORT))
    if not name.isascii() or wanted:
        wanted.append(_joined(plain, digest, _NOT_PLAIN.sub("_", end), _SHORTEST))
    return tuple(dict.fromkeys(wanted))


def _taken_by_windows(text: str, end: str) -> str:
    """With a substitute for each character that Windows refuses where it stands."""
    text = _FORBIDDEN.sub("_", text)
    if not end:
        text = _END.sub(lambda found: "_" * len(found[0]), text)
    stem, dot, rest = text.partition(".")
    return f"{stem}_{dot}{rest}" if _DEVICE.match(stem) else text


def _joined(body: str, digest: str, end: str, limit: int) -> str:
    """Body, hash and end in at most ``limit`` bytes; the body is cut between characters."""
    end = _FORBIDDEN.sub("_", end)
    while body and len(os.fsencode(body + digest + end)) > limit:
        body = body[:-1]
    return body + digest + end
