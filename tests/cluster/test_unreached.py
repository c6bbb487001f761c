"""Why there is no connection is a sentence for people, whatever library said it."""

from __future__ import annotations

import errno
import os
import socket

import nats.errors
import pytest

from nobgd.cluster import unreached


def _os(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(("error", "said"), [
    (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('10.0.0.1', 4222)"),
     "nothing listens there; does the broker run (nobgd-broker.service)?"),
    (OSError("Multiple exceptions: [Errno 113] Connect call failed, [Errno 101] No way"),
     "no way leads there; is the cable in, is the address right?"),
    (_os(errno.EPERM), "this process may not reach it; does the unit let it (`nobgd unit`)?"),
    (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
     "nobody knows this name; is it right, is there a name server?"),
    (TimeoutError(), "it does not answer; is there a firewall in between?"),
    (nats.errors.TimeoutError(), "it does not answer; is there a firewall in between?"),
    (nats.errors.UnexpectedEOF(), "the broker has ended the connection"),
    (nats.errors.StaleConnectionError(), "the broker says nothing any more"),
    (ConnectionAbortedError("SSL shutdown timed out"), "the broker says nothing any more"),
    (_os(errno.EMFILE), f"[Errno {errno.EMFILE}] Too many open files"),
    (ValueError(), "ValueError"),
])  # fmt: skip
def test_what_a_library_says_is_a_sentence(error: Exception, said: str) -> None:
    """With the way out, where there is one."""
    assert unreached.why(error) == said


def test_another_secret_is_had_where_the_photos_are() -> None:
    """Home's own by `init`."""
    assert "`nobgd cluster invite desk-1 --again` where" in unreached.unknown("desk-1")
    assert unreached.unknown("home").endswith("`nobgd cluster init` makes another")


@pytest.mark.parametrize(("said", "way_out"), [
    ("certificate is not yet valid", "is this machine's clock right?"),
    ("certificate has expired", "clock right? Else `nobgd cluster init` where the photos are"),
    ("IP address mismatch, certificate is not valid for '10.0.0.1'", "with each --address"),
    ("unable to get local issuer certificate", "`nobgd cluster invite desk-1 --again` where"),
])  # fmt: skip
def test_a_certificate_is_mended_by_what_is_wrong_with_it(said: str, way_out: str) -> None:
    """A clock that is wrong is not mended by another secret."""
    found = unreached.untrusted(said, "desk-1")
    assert found.startswith(f"its certificate is not to be trusted: {said}; ")
    assert way_out in found
