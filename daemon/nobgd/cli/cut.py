"""``nobgd cut``: these photos, now, without any configuration."""

from __future__ import annotations

import argparse
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nobgd.cli import common, once, screen
from nobgd.cli.tally import Tally
from nobgd.fs.names import about, shown

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service


_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".avif"})


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "cut",
        short="these photos, now, without any configuration",
        says="Cut these photos out, each as <name>_nobg.png beside itself or in FOLDER, and print "
        "where each cut-out is. A file that is not that photo's cut-out is never overwritten: "
        "the next name is taken. A cut-out that is there already is not made again.",
        examples=[
            ("nobgd cut garden.jpg", "makes garden_nobg.png beside it"),
            ("nobgd cut *.jpg -o cut-outs", "many, into a folder, which is made if need be"),
            ("nobgd cut -m u2netp a.jpg", "by the small model"),
        ],
        exits="0  every photo is cut out\n"
        "1  some could not be; the others are\n"
        "2  there is no such model, or -o names no folder\n"
        "3  the model is missing or altered, or the folder cannot be written\n"
        "130  it was stopped",
    )  # fmt: skip
    parser.add_argument("files", metavar="FILE", nargs="+", help="photos")
    parser.add_argument("-o", "--output", metavar="FOLDER", help="where cut-outs go")
    common.add_model(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    from nobgd.config import given

    outbox = Path(os.path.abspath(args.output)) if args.output else None
    if outbox is not None and _is_no_folder(outbox):
        common.complain(
            f"{shown(args.output)}: is no folder, and -o names the one that cut-outs go to, each as"
            " <name>_nobg.png; leave -o out, and they are beside their photos"
        )
        return common.USAGE
    named, wrong = _sorted_out(args.files)
    for each in wrong:
        common.complain(each)
    if not named:
        return common.WORK_FAILED

    tally = _Results()
    try:
        model = common.model_at_hand(args.model)
        with tempfile.TemporaryDirectory(prefix="nobgd-cut-") as state:
            config = given.photos(named, outbox, model, Path(state, "state"))
            end = once.one_pass(config, tally, mute=True, anew=False, before=tally.attend)
    except given.HomelessError as error:
        common.complain(str(error))
        return common.ENVIRONMENT
    except common.Quit as quits:
        return quits.code
    for output in tally.outputs:
        screen.data(f"{shown(output) if sys.stdout.isatty() else output}\n")
    for source, reason in tally.failures + tally.skips:
        common.complain(about(source, reason))
    for trouble in end.troubles:
        common.complain(trouble)
    if end.stopped:
        return common.INTERRUPTED
    if end.troubles:
        return common.ENVIRONMENT
    return common.WORK_FAILED if wrong or tally.skips or end.code else common.GOOD


def _is_no_folder(path: Path) -> bool:
    """It is something else, or is to be a picture by its name."""
    return not path.is_dir() and (path.exists() or path.suffix.lower() in _PICTURES)


class _Results(Tally):
    """Knows where the cut-outs are, also of those that were there already."""

    def attend(self, service: Service) -> None:
        """Before the pass: no tree is searched for leftovers, as nobgd left none there."""
        from nobgd.jobs.places import Place

        self._ledger = service.ledger
        for each in service.config.inboxes:
            service.state.outboxes[str(each.outbox)] = Place(str(each.outbox), swept=True)

    def take(self, event: dict[str, Any]) -> None:
        """One event of the service."""
        before = self.counts.get("already", 0)
        super().take(event)
        if self.counts.get("already", 0) > before:
            row = self._ledger.get(event["inbox"], os.path.basename(event["source"]))
            if row is not None and row.output is not None:
                self.outputs.append(os.path.join(row.outbox or "", row.output))


def _sorted_out(files: Sequence[str]) -> tuple[Mapping[Path, Sequence[str]], list[str]]:
    """The photos by folder, and a sentence for each file that is none."""
    named: dict[Path, list[str]] = {}
    wrong = []
    for file in dict.fromkeys(files):
        folder, name = os.path.split(os.path.abspath(file))
        said = next(_objections(os.path.join(folder, name), name), None)
        if said is None:
            named.setdefault(Path(os.path.realpath(folder)), []).append(name)
        else:
            wrong.append(f"{shown(file)}: {said}")
    return named, wrong


def _objections(path: str, name: str) -> Iterator[str]:
    """Why a file is not taken, if it is not."""
    from nobgd.config import given
    from nobgd.intake.ignore import Ignore

    try:
        mode = os.lstat(path).st_mode
    except OSError as error:
        yield (
            "there is no such file"
            if isinstance(error, FileNotFoundError)
            else (error.strerror or str(error))
        )
        return
    if stat.S_ISDIR(mode):
        yield "is a folder; `nobgd once IN OUT` does one"
    elif stat.S_ISLNK(mode):
        yield "is a link; name the photo itself"
    elif not stat.S_ISREG(mode):
        yield "is no plain file"
    ignore = Ignore(given.only([name]))
    if (rule := ignore.rule(name)) is not None:
        yield ignore.explained(name, rule, is_dir=False)
