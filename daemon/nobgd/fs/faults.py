"""From an error of the operating system to a failure code and a sentence with a way out."""

from __future__ import annotations

import errno
import os

from nobgd.values import Code, NobgdError

_CODES: dict[Code, str] = {
    Code.NO_SPACE: "ENOSPC EFBIG",
    Code.QUOTA: "EDQUOT",
    Code.READ_ONLY: "EROFS",
    Code.FORBIDDEN: "EACCES EPERM EKEYREJECTED EKEYEXPIRED EKEYREVOKED ENOKEY",
    Code.IO_ERROR: "EIO EREMOTEIO ENXIO EUCLEAN EBADMSG EILSEQ ENOLCK EBUSY EAGAIN EINTR EPROTO",
    Code.STALE: "ESTALE",
    Code.GONE_AWAY: "ENOTCONN EHOSTDOWN EHOSTUNREACH ENETDOWN ENETUNREACH ENETRESET ETIMEDOUT "
    "ECONNREFUSED ECONNRESET ECONNABORTED ENODEV ENOLINK ESHUTDOWN EPIPE ENONET",
    Code.VANISHED: "ENOENT ENOTDIR",
    Code.UNSAFE: "ELOOP EXDEV EISDIR",
    Code.OUT_OF_MEMORY: "ENOMEM",
    Code.UNSUPPORTED: "ENAMETOOLONG EOVERFLOW",
}
# What systems say when they do not take a name, surely and perhaps.
OF_A_NAME = frozenset({errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG})
OF_A_NAME_PERHAPS = frozenset(
    {errno.ENOENT, errno.EACCES, errno.EPERM, errno.EIO, errno.EPROTO, errno.ENOTSUP,
     errno.EREMOTEIO, errno.EBADF, errno.ENOSYS}
)  # fmt: skip
_CODE = {
    getattr(errno, name): code
    for code, names in _CODES.items()
    for name in names.split()
    if hasattr(errno, name)
}
_SAYS = {
    Code.NO_SPACE: "the disk is full; free some space and it goes on by itself",
    Code.QUOTA: "the quota is used up; free some space or raise it and it goes on by itself",
    Code.READ_ONLY: "the file system is read-only; remount it writable and it goes on by itself",
    Code.FORBIDDEN: "permission denied; give nobgd's user access and it goes on by itself",
    Code.IO_ERROR: "the disk or share reports an input/output error; it is tried again",
    Code.STALE: "the share's server has forgotten this file handle; it is tried again",
    Code.GONE_AWAY: "the share cannot be reached; it is tried again until it can",
    Code.VANISHED: "it is not there any more; what is put there is looked at again",
    Code.UNSAFE: "it is, or became, a link or something else that is no plain file;"
    " put the file itself there",
    Code.OUT_OF_MEMORY: "there is not enough memory; lower workers.count or free some",
    Code.UNSUPPORTED: "its name or size is more than this system takes; rename it, or make it"
    " smaller",
    Code.INTERNAL: "the operating system refused in an unforeseen way; `nobgd doctor` looks at the"
    " folders",
}


def code_of(error: OSError) -> Code:
    """Return the failure code of an operating system error; INTERNAL for one not foreseen."""
    return _CODE.get(error.errno or 0, Code.INTERNAL)


def failure(error: OSError, doing: str) -> NobgdError:
    """Turn an OSError into a failure; `doing` names the act and the file: "cannot read a.jpg"."""
    code = code_of(error)
    name = errno.errorcode.get(error.errno or 0, str(error))
    says = _SAYS[code]
    if error.errno and code is Code.INTERNAL:
        says = f"{os.strerror(error.errno)}; `nobgd doctor` looks at the folders"
    return NobgdError(code, f"{doing}: {says} ({name})")
