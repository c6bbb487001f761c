"""Manual pages and completions of shells, written from the verbs' own help.

``python -m nobgd.cli.manual PREFIX`` puts them below PREFIX/share, as man(1), bash, zsh and fish
look there; install.sh and packages call it, nobody else.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nobgd import __version__, cli
from nobgd.cli import completing

_FILES = """\
.TP
.I /etc/nobgd/nobgd.yaml
the configuration of the service
.TP
.I /var/lib/nobgd
its ledger, and copies of photos that could not be done"""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb or one of its actions: ``path`` is ("models", "fetch"), () for all of nobgd."""

    path: tuple[str, ...]
    parser: argparse.ArgumentParser
    short: str

    def options(self) -> Iterator[argparse.Action]:
        """What it takes, help left out."""
        for action in self.parser._actions:
            if not isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
                yield action

    def below(self) -> list[Verb]:
        """Its verbs or actions, in their order."""
        found = []
        for action in self.parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                told = {each.dest: each.help or "" for each in action._choices_actions}
                for name, parser in action.choices.items():
                    found.append(Verb((*self.path, name), parser, told.get(name, "")))
        return found

    def every(self) -> Iterator[Verb]:
        """It and all below it."""
        yield self
        for each in self.below():
            yield from each.every()


def tree() -> Verb:
    """The whole command line."""
    os.environ["COLUMNS"] = "80"  # usage lines are broken for a page, whatever terminal this is
    return Verb((), cli.parser(), "cut out the photos of folders, for as long as it runs")


def page(verb: Verb) -> str:
    """The manual page of a verb, roff with man(7)'s macros; its actions are in it."""
    name = "-".join(("nobgd", *verb.path))
    texts, codes, examples = _parts(verb.parser)
    out = [
        f'.TH "{name.upper()}" 1 "" "nobgd {__version__}" "nobgd"', ".nh",
        ".SH NAME", f"{_plain(name)} \\- {_plain(verb.short)}", ".SH SYNOPSIS",
    ]  # fmt: skip
    for each in verb.every() if verb.path else (verb,):
        out += [".nf", *map(_plain, _usage(each.parser)), ".fi"]
    out += [".SH DESCRIPTION", *texts]
    if not verb.path:
        out += [".SH COMMANDS"]
        for each in verb.below():
            out += [".TP", f".BR nobgd-{each.path[0]} (1)", _plain(each.short)]
    for each in verb.every() if verb.path else (verb,):
        if takes := list(each.options()):
            more = " " + " ".join(each.path) if len(each.path) > len(verb.path) else ""
            out += [f".SH OPTIONS{_plain(more).upper()}"]
            for action in takes:
                out += [".TP", f".B {_plain(_called(action))}", _plain(_help(action))]
    for title, lines in (("EXAMPLES", examples), ("EXIT STATUS", codes)):
        if lines:
            out += [f".SH {title}", ".nf", *map(_plain, lines), ".fi"]
    see = [f"nobgd-{each.path[0]}" for each in tree().below()] if not verb.path else ["nobgd"]
    out += [".SH FILES", _FILES, ".SH SEE ALSO", ",\n".join(f".BR {each} (1)" for each in see)]
    return "\n".join(out) + "\n"


def _parts(parser: argparse.ArgumentParser) -> tuple[list[str], list[str], list[str]]:
    """What it says of itself, paragraph by paragraph; its exit codes; its examples."""
    description = [
        line for text in (parser.description or "").split("\n\n")
        for line in (".PP", _plain(" ".join(text.split())))
    ]  # fmt: skip
    blocks: dict[str, list[str]] = {"": []}
    title = ""
    for line in (parser.epilog or "").splitlines():
        if line in ("examples:", "exit codes:"):
            title = line
            blocks[title] = []
        else:
            blocks[title].append(line)
    rest = [line for text in "\n".join(blocks[""]).split("\n\n") if text.strip()
            for line in (".PP", _plain(" ".join(text.split())))]  # fmt: skip
    trimmed = ([*map(str.rstrip, blocks.get(each, []))] for each in ("exit codes:", "examples:"))
    codes, examples = ("\n".join(lines).strip("\n").splitlines() for lines in trimmed)
    return description[1:] + rest, codes, examples


def _usage(parser: argparse.ArgumentParser) -> list[str]:
    return parser.format_usage().removeprefix("usage: ").rstrip().splitlines()


def _called(action: argparse.Action) -> str:
    if not action.option_strings:
        return str(action.metavar or action.dest)
    value = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
    return ", ".join(action.option_strings) + value


def _help(action: argparse.Action) -> str:
    said = (action.help or "").replace("%%", "%")
    return said if isinstance(action.help, str) else ""


def _plain(text: str) -> str:
    """Text as roff shows it."""
    safe = text.replace("\\", "\\e").replace("-", "\\-")
    safe = re.sub(r"[^\x00-\x7f]", lambda found: f"\\[u{ord(found[0]):04X}]", safe)
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe


def write(prefix: Path) -> list[Path]:
    """All of them below ``prefix``/share; which files.  Raises OSError."""
    top, share = tree(), prefix / "share"
    wanted = {
        share / "man/man1" / f"{'-'.join(('nobgd', *each.path))}.1": page(each)
        for each in (top, *top.below())
    }
    verbs = [(each.path, list(each.options()), each.short) for each in top.every()]
    table = completing.table(verbs)
    wanted |= {
        share / "bash-completion/completions/nobgd": completing.bash(table),
        share / "zsh/site-functions/_nobgd": completing.zsh(table),
        share / "fish/vendor_completions.d/nobgd.fish": completing.fish(table),
    }
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
    return list(wanted)


if __name__ == "__main__":
    for written in write(Path(sys.argv[1])):
        print(written)
