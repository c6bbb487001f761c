"""Why the broker is not reached, or lets a machine not in: a sentence with the way out; pure.

What asyncio, OpenSSL and the client's library say is for programmers ("[Errno 111] Connect call
failed", "SSL shutdown timed out").
"""

from __future__ import annotations

import errno
import re
import socket

from nobgd.cluster.join import HOME

_THERE = "where the photos are"
_SILENT = "it does not answer; is there a firewall in between?"
_GONE = "the broker says nothing any more"
_BY_NUMBER = {
    errno.ECONNREFUSED: "nothing listens there; does the broker run (nobgd-broker.service)?",
    errno.EHOSTUNREACH: "no way leads there; is the cable in, is the address right?",
    errno.ENETUNREACH: "no way leads there; is the cable in, is the address right?",
    errno.ETIMEDOUT: _SILENT,
    errno.EPERM: "this process may not reach it; does the unit let it (`nobgd unit`)?",
    errno.ECONNRESET: "the broker has ended the connection",
}  # fmt: skip
_BY_TEXT = (  # of asyncio and nats-py
    ("unexpected eof", "the broker has ended the connection"),
    ("shutdown timed out", _GONE),
    ("stale connection", _GONE),
    ("timed out", _SILENT),
    ("timeout", _SILENT),
)


def why(error: BaseException) -> str:
    """Why a connection could not be made, or has ended."""
    said = str(error)
    if isinstance(error, socket.gaierror):
        return "nobody knows this name; is it right, is there a name server?"
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (found := re.search(r"\[Errno (\d+)\]", said)) is not None:
        number = int(found[1])  # of several addresses that were tried, the first
    if number in _BY_NUMBER:
        return _BY_NUMBER[number]
    if isinstance(error, TimeoutError):
        return _SILENT
    lower = said.lower()
    return next((each for text, each in _BY_TEXT if text in lower), said or type(error).__name__)


def unknown(user: str) -> str:
    """The broker knows another secret of ``user``, or none."""
    way_out = f"`nobgd cluster invite {user} --again` {_THERE}"
    if user == HOME:
        way_out = "`nobgd cluster init`"
    return f"the broker does not know {user}, or not this secret; {way_out} makes another"


def untrusted(said: str, user: str) -> str:
    """OpenSSL does not believe the broker's certificate, as ``said``."""
    lower = said.lower()
    way_out = f"`nobgd cluster invite {user} --again` {_THERE} makes another join file"
    if user == HOME or "mismatch" in lower:
        way_out = f"`nobgd cluster init` {_THERE}, with each --address, makes another"
    elif "not yet valid" in lower:
        way_out = "is this machine's clock right?"
    if "expired" in lower:
        way_out = f"is this machine's clock right? Else `nobgd cluster init` {_THERE} makes another"
    return f"its certificate is not to be trusted: {said}; {way_out}"
