"""Where weights lie: the folders that are searched, and the file for a name and precision."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from nobgd.models.manifest import ModelError, ModelSpec, load_manifest, shipped_directory, spec_of


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model as found on disk; its content is not looked at yet (see `verify`)."""

    spec: ModelSpec
    path: Path
    sha256: str  # that this file must have
    precision: str  # fp32 | int8


def default_directory(directory: Path | None = None) -> Path | None:
    """Where fetched and quantized models go: given, else $NOBGD_MODELS, else the user's cache.

    None when nothing is given and the user has no home folder.
    """
    if directory is not None:
        return directory
    if named := os.environ.get("NOBGD_MODELS"):
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(cache):  # the XDG specification: a relative path is to be ignored
        cache = os.path.expanduser("~/.cache")
    return Path(cache, "nobgd", "models") if os.path.isabs(cache) else None


def search_path(directory: Path | None = None) -> list[Path]:
    """Folders to look into, first match wins; the shipped one is the last."""
    own = default_directory(directory)
    return [*([own] if own else []), shipped_directory()]


def find(
    name: str, precision: str = "fp32", directory: Path | None = None, *, chosen: bool = True
) -> ModelFile:
    """The file of model ``name``.  `ModelError`: unknown, missing, or int8 of other weights.

    ``chosen``: by this machine's configuration, so that another model is a way out.
    """
    spec = spec_of(name)
    folders = search_path(directory)
    if precision == "int8":
        return _find_int8(spec, folders, chosen=chosen)
    if precision != "fp32":
        raise ModelError(f"there is no precision {precision!r}, only fp32 and int8")
    for folder in folders:
        path = folder / spec.file
        if os.path.isfile(path):
            return ModelFile(spec, path, spec.sha256, "fp32")
    raise ModelError(_missing(spec, folders, directory, chosen=chosen))


def _missing(spec: ModelSpec, folders: list[Path], directory: Path | None, *, chosen: bool) -> str:
    there = [
        other.name
        for other in load_manifest().values()
        if any(os.path.isfile(folder / other.file) for folder in folders)
    ]
    option = f" --directory {directory}" if directory else ""
    instead = f", or set `model: {{name: {there[0]}}}`, which is there" if there and chosen else ""
    looked = ", ".join(str(folder) for folder in folders)
    return (
        f"{spec.file} is in none of {looked}: get it with"
        f" `nobgd models fetch {spec.name}{option}` ({spec.bytes / 1e6:.0f} MB){instead}"
    )


def int8_paths(spec: ModelSpec, folder: Path) -> tuple[Path, Path]:
    """The quantized weights of ``spec`` in ``folder`` and the sidecar that speaks of them."""
    return folder / f"{spec.name}.int8.onnx", folder / f"{spec.name}.int8.json"


def _find_int8(spec: ModelSpec, folders: list[Path], *, chosen: bool) -> ModelFile:
    for folder in folders:
        path, sidecar = int8_paths(spec, folder)
        if not (os.path.isfile(path) and os.path.isfile(sidecar)):
            continue
        way_out = f"run `nobgd models quantize {spec.name}` again"
        try:
            said = json.loads(sidecar.read_text("utf-8"))
            made_from, sha256 = str(said["from"]), str(said["sha256"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{sidecar}: cannot be read ({error}); {way_out}") from error
        if made_from != spec.sha256:
            raise ModelError(f"{path}: was made from other weights than {spec.file}; {way_out}")
        return ModelFile(spec, path, sha256, "int8")
    instead = ", or set `model: {precision: fp32}`" if chosen else ""
    raise ModelError(
        f"there is no int8 version of {spec.name} yet: build it on this machine with"
        f" `nobgd models quantize {spec.name}`{instead}"
    )
