"""Masks that were computed before, for lanes that are asked for the same few pictures again.

Python imports this at its start where this folder is in PYTHONPATH.  ``NOBGD_FAULTS_MASKS`` names
an .npz file: key → mask, made by the real model (see `faults.originals.pictures.Masks`).  A picture
that is not in it is inferred as ever.  Nothing else of nobgd is touched.
"""

import contextlib
import importlib.abc
import importlib.machinery
import os
import sys
from types import ModuleType
from typing import Any

_WHERE = "nobgd.picture.segment"


class _Recall(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the module as ever, then lays its `Segmenter.mask` over."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != _WHERE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            self._real, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: Any) -> ModuleType | None:
        made: ModuleType | None = self._real.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        self._real.exec_module(module)
        _lay_over(module)


def _lay_over(module: Any) -> None:
    import hashlib

    import numpy as np

    with np.load(os.environ["NOBGD_FAULTS_MASKS"]) as kept:
        known = {name: kept[name] for name in kept.files}
    real = module.Segmenter.mask

    def mask(self: Any, pixels: Any, *rest: Any, **named: Any) -> Any:
        colours = np.ascontiguousarray(pixels[..., :3])  # a fourth of theirs is room, not alpha
        key = f"{colours.shape} {hashlib.sha256(colours.data).hexdigest()}"
        if key in known:
            return known[key].copy(), float(known[f"{key} confidence"])
        with contextlib.suppress(OSError):
            os.write(2, f"inferred: {key}\n".encode())
        return real(self, pixels, *rest, **named)

    module.Segmenter.mask = mask


if os.environ.get("NOBGD_FAULTS_MASKS"):
    sys.meta_path.insert(0, _Recall())
