"""From errno to code and sentence."""

from __future__ import annotations

import errno
import os

import pytest

from nobgd.fs import faults
from nobgd.values import Blame, Code


@pytest.mark.parametrize(
    ("names", "blame"),
    [
        ("ENOSPC EDQUOT EROFS EIO ESTALE EHOSTDOWN ENOTCONN EACCES EPERM ETIMEDOUT", Blame.PLACE),
        ("EINTR", Blame.PLACE),
        ("ENOENT ENOTDIR", Blame.NOBODY),
        ("ELOOP EXDEV", Blame.PHOTO),
        ("ENOMEM EINVAL EMFILE", Blame.OURS),
    ],
)
def test_blame(names: str, blame: Blame) -> None:
    """Each error is blamed on who can mend it."""
    for name in names.split():
        number = getattr(errno, name)
        assert faults.code_of(OSError(number, "")).blame is blame, name


def test_codes_differ() -> None:
    """Full, over quota and read-only are told apart, because the ways out differ."""
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
    codes = [faults.code_of(OSError(number, "")) for number in numbers]
    assert codes == [Code.NO_SPACE, Code.QUOTA, Code.READ_ONLY]


def test_every_errno_has_a_sentence() -> None:
    """Whatever the system says becomes one line that names the act and the error."""
    for number, name in errno.errorcode.items():
        failure = faults.failure(OSError(number, os.strerror(number)), "cannot read x.jpg")
        assert failure.reason.startswith("cannot read x.jpg: ")
        assert failure.reason.endswith(f"({name})")
        assert "\n" not in failure.reason
    assert faults.failure(OSError("odd"), "cannot read x.jpg").code is Code.INTERNAL
