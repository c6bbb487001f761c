"""What shells complete after ``nobgd``: verbs, actions, options and their values; else files."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

_NOTE = "# Made from nobgd's own help by `python -m nobgd.cli.manual`; do not edit.\n"


@dataclass(frozen=True, slots=True)
class Place:
    """Behind these words: what may come, each with what it is."""

    words: tuple[str, ...]
    next: dict[str, str]
    options: dict[str, str]
    values: dict[str, list[str]]  # of options that take one of these
    takes: frozenset[str]  # options that take a value


Told = Sequence[tuple[tuple[str, ...], list[argparse.Action], str]]


def table(verbs: Told) -> list[Place]:
    """Of (path, what it takes, what it is) of every verb and action."""
    places = []
    for path, actions, _ in verbs:
        below = {p[-1]: short for p, _, short in verbs if p[:-1] == path and p}
        options = {"--help": "explain it"}
        values, takes = {}, set()
        for action in actions:
            for name in action.option_strings:
                options[name] = " ".join((action.help or "").split()).replace("%%", "%")
                if action.nargs != 0:
                    takes.add(name)
                if action.choices is not None:
                    values[name] = [str(each) for each in action.choices]
        places.append(Place(path, below, options, values, frozenset(takes)))
    return places


def _key(place: Place) -> str:
    return " ".join(("nobgd", *place.words))


def _arrays(places: list[Place], declare: str) -> str:
    """Associative arrays of words: what comes next, the options, and values of options."""
    out = []
    for name, words in (
        ("next", {_key(p): " ".join(p.next) for p in places if p.next}),
        ("options", {_key(p): " ".join(p.options) for p in places}),
        ("values", {f"{_key(p)} {o}": " ".join(v) for p in places for o, v in p.values.items()}),
        ("takes", {_key(p): " ".join(sorted(p.takes)) for p in places if p.takes}),
    ):
        pairs = " ".join(f"[{shlex.quote(key)}]={shlex.quote(text)}" for key, text in words.items())
        out.append(f"  {declare} _{name}=({pairs})\n")
    return "".join(out)


def bash(places: list[Place]) -> str:
    """For bash 4 and bash-completion."""
    return f"""\
{_NOTE}_nobgd() {{
{_arrays(places, "local -A")}\
  local at=nobgd word before='' now=${{COMP_WORDS[COMP_CWORD]}} number
  for ((number = 1; number < COMP_CWORD; number++)); do
    word=${{COMP_WORDS[number]}}
    case " ${{_takes[$at]-}} " in *" $before "*) before=$word; continue ;; esac
    case " ${{_next[$at]-}} " in *" $word "*) at="$at $word" ;; esac
    before=$word
  done
  COMPREPLY=()
  if [ -n "${{_values[$at $before]-}}" ]; then
    mapfile -t COMPREPLY < <(compgen -W "${{_values[$at $before]}}" -- "$now")
    return
  fi
  case " ${{_takes[$at]-}} " in *" $before "*) return ;; esac # a file, or anything
  case $now in
    -*) mapfile -t COMPREPLY < <(compgen -W "${{_options[$at]}}" -- "$now") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "${{_next[$at]-}}" -- "$now") ;;
  esac
}}
complete -o bashdefault -o default -F _nobgd nobgd
"""


def zsh(places: list[Place]) -> str:
    """For zsh, as a function that compinit finds."""
    return f"""\
#compdef nobgd
{_NOTE}_nobgd() {{
  local -A _next _options _values _takes
{_arrays(places, "").replace("  _", "  _")}\
  local at=nobgd word before=''
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    if [[ " ${{_takes[$at]}} " == *" $before "* && -n $before ]]; then before=$word; continue; fi
    if [[ " ${{_next[$at]}} " == *" $word "* ]]; then at="$at $word"; fi
    before=$word
  done
  if [[ -n ${{_values[$at $before]}} ]]; then compadd -- ${{=_values[$at $before]}}; return; fi
  if [[ -n $before && " ${{_takes[$at]}} " == *" $before "* ]]; then _files; return; fi
  if [[ $PREFIX == -* ]]; then compadd -- ${{=_options[$at]}}; return; fi
  if [[ -n ${{_next[$at]}} ]]; then compadd -- ${{=_next[$at]}}; return; fi
  _files
}}
_nobgd "$@"
"""


def fish(places: list[Place]) -> str:
    """For fish, with what each is."""
    lines = [_NOTE.rstrip("\n")]
    for place in places:
        seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in place.words)
        names = " ".join(place.next)
        if place.next:
            free = f"not __fish_seen_subcommand_from {names}"
            when = f"{seen}; and {free}" if seen else "__fish_use_subcommand"
            lines += [
                f"complete -c nobgd -f -n {shlex.quote(when)} -a {name} -d {shlex.quote(short)}"
                for name, short in place.next.items()
            ]
        for name, says in place.options.items():
            kind = "-l" if name.startswith("--") else "-s"
            when = f" -n {shlex.quote(seen)}" if seen else ""
            value = " -r" if name in place.takes else ""
            if name in place.values:
                value = f" -x -a {shlex.quote(' '.join(place.values[name]))}"
            lines.append(
                f"complete -c nobgd{when} {kind} {name.lstrip('-')}{value} -d {shlex.quote(says)}"
            )
    return "\n".join(lines) + "\n"
