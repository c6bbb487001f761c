"""`nobgd models`: which weights there are, getting them, checking them, making them faster."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nobgd.cli import screen
from nobgd.cli.common import ENVIRONMENT, GOOD, USAGE, Quit, add_config, complain, load
from nobgd.fs.names import shown

if TYPE_CHECKING:
    from nobgd.models import ModelFile, Progress

_EXAMPLES = """\
examples:
  nobgd models list                          what there is, and what is on this machine
  nobgd models fetch -c nobgd.yaml           what this configuration names
  nobgd models fetch u2net                   download 176 MB, check them, keep them
  nobgd models fetch u2net --from u2net.onnx take a file that you have already
  nobgd models verify                        read every model on this machine and compare
  nobgd models quantize u2net                build the faster int8 version on this machine

Models are kept in --directory, else $NOBGD_MODELS, else ~/.cache/nobgd/models.  A daemon that
runs as another user wants them where it looks: the key model.directory of its configuration.

exit codes:
  0  the model is there and right
  1  it is not good enough (quantize)
  2  there is no such model
  3  it cannot be had, is missing or altered, or cannot be written"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The verb and its four actions."""
    parser = verbs.add_parser(
        "models",
        help="list, fetch, verify or quantize the models",
        description="List, fetch, verify or quantize the models. Only `fetch` uses the network.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    one = actions.add_parser("list", help="the models nobgd knows, and which are on this machine")
    _add_places(one)
    one.set_defaults(run=_run(_list))

    one = actions.add_parser("fetch", help="bring a model onto this machine and check it")
    one.add_argument(
        "name", metavar="NAME", nargs="?",
        help="one of `nobgd models list`; default: what the configuration names",
    )  # fmt: skip
    add_config(one)
    one.add_argument(
        "--accept-licence", action="store_true",
        help="of a model that is not for commercial use: yours is none",
    )  # fmt: skip
    one.add_argument(
        "--from", dest="source", metavar="X",
        help="a file, a wheel, a folder or a URL instead of the usual sources",
    )  # fmt: skip
    _add_directory(one)
    one.set_defaults(run=_run(_fetch))

    one = actions.add_parser("verify", help="compare the models on this machine with their SHA-256")
    one.add_argument("name", metavar="NAME", nargs="?", help="only this one (default: all found)")
    _add_places(one)
    one.set_defaults(run=_run(_verify))

    one = actions.add_parser(
        "quantize",
        help="build the int8 version: about half the time, nearly the same mask",
        description="Build the int8 version of a model from calibration photos, compare it with"
        " fp32 on photos held out, and install it if it is good enough.",
    )
    one.add_argument("name", metavar="NAME", help="u2net")
    one.add_argument(
        "--photos", metavar="FOLDER", type=Path,
        help="calibrate on these photos, best of the kind you cut out (default: bundled ones)",
    )  # fmt: skip
    _add_places(one)
    one.set_defaults(run=_run(_quantize))


def _add_directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--directory", metavar="D", type=Path,
        help="where models are kept (default: $NOBGD_MODELS, else ~/.cache/nobgd/models)",
    )  # fmt: skip


def _add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c", "--config", metavar="FILE", type=Path, default=argparse.SUPPRESS,
        help="look where this configuration keeps its models",
    )  # fmt: skip
    _add_directory(parser)


def _places(args: argparse.Namespace) -> list[Path | None]:
    """Where models are looked for; None: where they are kept by default."""
    if args.directory is not None or args.config is None:
        return [args.directory]
    found = {each.directory for each in load(args).models()}
    return sorted(found, key=str)


def _run(action: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """The action, with a model's error as one sentence and exit code 3."""

    def run(args: argparse.Namespace) -> int:
        from nobgd.models import ModelError, UnknownModelError

        try:
            return action(args)
        except Quit as end:
            return end.code
        except ModelError as error:
            complain(f"nobgd: {error}")
            return USAGE if isinstance(error, UnknownModelError) else ENVIRONMENT

    return run


def _list(args: argparse.Namespace) -> int:
    from rich.table import Table

    from nobgd.models import load_manifest

    found = _found(_places(args))
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "precision", "MB", "licence", "where"):
        table.add_column(heading, justify="right" if heading == "MB" else "left", overflow="fold")
    for spec in load_manifest().values():
        here = [model for model in found if model.spec.name == spec.name]
        for model in here:
            size = f"{model.path.stat().st_size / 1e6:.1f}"
            table.add_row(spec.name, model.precision, size, spec.licence, shown(str(model.path)))
        if not any(model.precision == "fp32" for model in here):
            size = f"{spec.bytes / 1e6:.1f}"
            way = f"not here: nobgd models fetch {spec.name}"
            table.add_row(spec.name, "fp32", size, spec.licence, way)
    wide = None if sys.stdout.isatty() else 200  # a program, or a page, folds no line
    screen.console(sys.stdout, soft_wrap=True, width=wide).print(table)
    return GOOD


def _found(places: Iterable[Path | None]) -> list[ModelFile]:
    from nobgd.models import ModelError, find, load_manifest

    found = {}
    for place, name, precision in itertools.product(places, load_manifest(), ("fp32", "int8")):
        with contextlib.suppress(ModelError):
            here = find(name, precision, place)
            found[here.path] = here
    return list(found.values())


def _fetch(args: argparse.Namespace) -> int:
    if args.name is None:
        return _fetch_configured(args)
    _bring(args.name, _home(args.directory), args.source, accept=args.accept_licence)
    return GOOD


def _fetch_configured(args: argparse.Namespace) -> int:
    """Every model that the configuration names and that is not here."""
    from nobgd.models import LicenceError, ModelError, find

    config = load(args)
    wanted = {(each.name, each.directory, each.accept_licence) for each in config.models()}
    for name, directory, accepted in sorted(wanted, key=str):
        place = args.directory or directory
        with contextlib.suppress(ModelError):
            print(f"{find(name, directory=place).path}: there already")
            continue
        try:
            _bring(name, _home(place), args.source, accept=accepted or args.accept_licence)
        except LicenceError:
            raise
        except ModelError as error:
            small = f"or set `model: {{name: u2netp}}` in {config.origin}: that one lies here"
            raise type(error)(f"{error}; {small}") from error
    return GOOD


def _bring(name: str, home: Path, source: str | None, *, accept: bool) -> None:
    from nobgd.models import fetch

    with _bar(name) as progress:
        got = fetch(name, home, source, progress, accept_licence=accept)
    if got.source is None:
        print(f"{got.path}: already there and right")
    else:
        print(f"{got.path}: fetched and checked ({got.source})")


def _home(directory: Path | None) -> Path:
    from nobgd.models import ModelError, default_directory

    place = default_directory(directory)
    if place is None:
        raise ModelError("this user has no home folder to keep models in; name one: --directory D")
    return place


@contextmanager
def _bar(name: str) -> Iterator[Progress]:
    """A progress bar on a terminal, else one line for each thing that is begun."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        said: list[str] = []

        def tell(what: str, _done: int, _total: int | None) -> None:
            if what not in said:
                said.append(what)
                complain(f"{name}: {what} …")

        yield tell
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
    )  # fmt: skip
    with Progress(
        *columns, console=screen.console(sys.stderr), transient=True,
        redirect_stdout=False, redirect_stderr=False,
    ) as bar:  # fmt: skip
        task = bar.add_task(name, total=None)

        def move(what: str, done: int, total: int | None) -> None:
            bar.update(task, description=f"{name}: {shown(what)}", completed=done, total=total)

        yield move


def _verify(args: argparse.Namespace) -> int:
    from nobgd.models import ModelError, checksum, find

    places = _places(args)
    models = [find(args.name, "fp32", each) for each in places] if args.name else _found(places)
    good = True
    for model in models:
        try:
            found = checksum(model.path)
        except OSError as error:
            raise ModelError(f"{model.path}: cannot be read ({error.strerror})") from error
        if found == model.sha256:
            print(f"{model.path}: right")
            continue
        good = False
        verb = "quantize" if model.precision == "int8" else "fetch"
        complain(
            f"nobgd: {model.path}: altered, its SHA-256 is {found} and should be {model.sha256};"
            f" remove it and run `nobgd models {verb} {model.spec.name}`"
        )
    return GOOD if good else ENVIRONMENT


def _quantize(args: argparse.Namespace) -> int:
    from nobgd.quantize import quantize  # brings numpy, onnx and ONNX Runtime along

    directory = args.directory
    if directory is None and args.config is not None:
        named = {each.name: each.directory for each in load(args).models()}
        directory = named.get(args.name)
    return quantize(args.name, args.photos, _home(directory), print)
