"""``nobgd tune``: measure the engines on this machine, and write what ``auto`` then means."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nobgd.cli import common

if TYPE_CHECKING:
    from nobgd.models import ModelFile
    from nobgd.tune import Result


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "tune",
        short="measure the engines on this machine, for `engine: auto`",
        says="Measure every engine that is installed, in each precision whose weights are here, "
        "with one inference at a time and with one for each core; two minutes, making of models "
        "included. The fastest that "
        "fits is written to tune.json in the state folder, which workers.engine and workers.infer "
        "obey where they are auto, from the next start on. Masks are compared with ONNX Runtime's "
        "in fp32; an engine whose fp32 differs by more than 0.001 is not taken. Best on a machine "
        "that does nothing else meanwhile.",
        examples=[
            ("nobgd tune", "with the bundled photos"),
            ("nobgd tune --photos ~/Pictures", "with photos of yours, twelve at least"),
            ("sudo -u nobgd nobgd tune && sudo systemctl restart nobgd", "for the service"),
        ],
        exits="0  measured, and written\n"
        "1  no engine could be measured\n"
        "2  the configuration is wrong\n"
        "3  weights or photos are missing, or the state folder cannot be written",
    )  # fmt: skip
    parser.add_argument(
        "--photos", type=Path, metavar="FOLDER", help="measure with these; default: bundled ones"
    )
    common.add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    from nobgd import models, tune
    from nobgd.pool import memory, tuned

    try:
        config = common.load(args)
    except common.Quit as end:
        return int(end.code)
    model = config.inboxes[0].model
    try:
        found = _weights(model.name, model.directory)
        results = []
        print(f"{'engine':12} {'precision':9} {'at a time':>9} {'a minute':>9} {'MB':>6} distance")
        for one in tune.measure(
            found, args.photos, config.cache_dir, memory.cores(), lambda why: print(why)
        ):
            results.append(one)
            print(line(one), flush=True)
    except (models.ModelError, OSError) as error:
        print(f"{config.origin}: {error}", file=sys.stderr)
        return common.ENVIRONMENT
    choices = tune.chosen(model.name, results, memory.room_mb())
    if not choices:
        print("no engine could be measured; see `nobgd doctor`", file=sys.stderr)
        return common.WORK_FAILED
    try:
        config.state_dir.mkdir(parents=True, exist_ok=True)
        path = tuned.write(config.state_dir, choices)
    except OSError as error:
        where, why = error.filename or config.state_dir, error.strerror or error
        print(f"{where}: {why}; run it as the service's user", file=sys.stderr)
        return common.ENVIRONMENT
    for each in choices:
        print(f"auto: {each.model} in {each.precision} by {each.engine}, {each.infer} at a time")
    print(f"written to {path}; it holds from the next start on")
    return common.GOOD


def line(one: Result) -> str:
    """A row of the table."""
    head = f"{one.trial.engine:12} {one.trial.precision:9} {one.trial.at_a_time:9}"
    if one.why:
        return f"{head} {one.why}"
    return f"{head} {one.per_minute:9.0f} {one.memory_mb:6.0f} {one.distance:.5f}"


def _weights(name: str, directory: Path | None) -> dict[str, ModelFile]:
    """The model's files by precision; int8 where it was built."""
    from nobgd import models

    found = {"fp32": models.find(name, "fp32", directory)}
    try:
        found["int8"] = models.find(name, "int8", directory)
    except models.ModelError:
        print("int8 is not measured: it is built by `nobgd models quantize`")
    return found
