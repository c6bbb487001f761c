"""`nobgd models quantize`: calibrate, build, compare with fp32, install if good enough.

The model is built and judged in a temporary folder beside its place and renamed into it, the
sidecar last, which is what makes it count.  Where it is below the bar nothing is installed.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

from nobgd.inference.engines import onnxruntime as optimised
from nobgd.models import ModelError, ModelFile, find, verify
from nobgd.models.places import int8_paths
from nobgd.models.verify import checksum
from nobgd.quantize import build, keep, photos
from nobgd.quantize.judge import Floats, Net, Verdict, compare

__all__ = ["quantize"]

Say = Callable[[str], None]
_GOOD, _WORK_FAILED = 0, 1


def quantize(name: str, folder: Path | None, directory: Path, say: Say) -> int:
    """Build, judge and install the int8 version of ``name`` in ``directory``; the exit code.

    ``folder`` holds the user's photos, None means the bundled ones.  0: installed; 1: below
    the bar, nothing is installed.  Raises `ModelError` when it cannot be tried.
    """
    fp32 = find(name, "fp32", directory)
    calibration, held_out = photos.chosen(folder)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        work = tempfile.mkdtemp(prefix=".quantizing-", dir=directory)
    except OSError as error:
        raise ModelError(
            f"{directory}: cannot be written ({error.strerror}); name another: --directory D"
        ) from error
    try:
        verify(fp32, Path(work))
        made = os.path.join(work, "int8.onnx")
        in_float = _build(fp32, calibration, work, made, say)
        verdict = _judged(fp32, made, held_out, work, say)
        _report(verdict, fp32, made, say)
        if not verdict.good:
            say(
                f"{name}: not installed: {' and '.join(verdict.short)}; give photos of the kind"
                " you cut out (--photos FOLDER), or stay with `model: {precision: fp32}`"
            )
            return _WORK_FAILED
        say(f"{_install(fp32, made, directory, verdict, in_float)}: installed; set"
            " `model: {precision: int8}` to use it")  # fmt: skip
        return _GOOD
    except OSError as error:
        raise ModelError(
            f"{directory}: cannot be written ({error.strerror}); 1 GB of free space is needed"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _build(fp32: ModelFile, files: list[Path], work: str, made: str, say: Say) -> list[str]:
    """Write the int8 model to ``made``; the convolutions left in float."""
    feeds = photos.varied(files, fp32.spec, say)
    if not feeds:
        raise ModelError(f"{files[0].parent}: none of its photos can be read; give others")
    say(f"{fp32.spec.name}: calibrating on {len(files)} photos …")
    model = build.plain(str(fp32.path), work)

    def told(count: int) -> None:
        if count % 10 == 0 or count == len(feeds):
            say(f"  {count} of {len(feeds)} pictures seen")

    known = build.ranges(model, feeds, work, told)
    in_float = keep.in_float(model)
    say(f"{fp32.spec.name}: building …")
    onnx.save(build.quantized(model, known, in_float), made)
    return in_float


def _judged(fp32: ModelFile, made: str, files: list[Path], work: str, say: Say) -> Verdict:
    feeds = photos.inputs(files, fp32.spec, say)
    say(f"{fp32.spec.name}: comparing with fp32 on {len(feeds)} photos held out …")
    nets = [_net(str(fp32.path), "fp32", work), _net(made, "int8", work)]
    return compare(nets[0], nets[1], feeds)


def _net(path: str, key: str, work: str) -> Net:
    """The model as a lane would load it, on one thread."""
    session = optimised.session(path, key, 1, os.path.join(work, "cache"))
    given, wanted = session.get_inputs()[0].name, session.get_outputs()[0].name

    def run(each: Floats) -> Floats:
        raw: Floats = np.asarray(session.run([wanted], {given: each})[0])[0, 0]
        return raw

    return run


def _report(verdict: Verdict, fp32: ModelFile, made: str, say: Say) -> None:
    say(
        f"  IoU with fp32: median {verdict.iou_median:.3f}, worst {verdict.iou_worst:.3f}\n"
        f"  mask difference: mean {verdict.difference_mean:.4f},"
        f" worst photo {verdict.difference_worst:.4f} (of 1)\n"
        f"  time on one thread: {1 / verdict.speed:.2f} of fp32,"
        f" {verdict.speed:.1f} times as fast\n"
        f"  size: {os.path.getsize(made) / 1e6:.0f} MB instead of"
        f" {fp32.spec.bytes / 1e6:.0f} MB\n"
        f"  ({verdict.photos} photos with a subject, none of which it was calibrated on)"
    )


def _install(
    fp32: ModelFile, made: str, directory: Path, verdict: Verdict, in_float: list[str]
) -> Path:
    """Rename model and sidecar into place, the sidecar last; the model's path."""
    path, sidecar = int8_paths(fp32.spec, directory)
    said = {
        "model": fp32.spec.name,
        "from": fp32.spec.sha256,
        "sha256": checksum(Path(made)),
        "bytes": os.path.getsize(made),
        "onnxruntime": ort.__version__,
        "in_float": in_float,
        "verdict": asdict(verdict),
    }
    text = f"{made}.json"
    with open(text, "w", encoding="utf-8") as stream:
        json.dump(said, stream, indent=1)
    for each in (made, text):
        os.chmod(each, 0o644)
        with open(each, "rb") as whole:
            os.fsync(whole.fileno())
    sidecar.unlink(missing_ok=True)  # between the two renames there is no int8 model
    os.replace(made, path)
    os.replace(text, sidecar)
    return path
