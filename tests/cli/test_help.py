"""Every verb explains itself, and the README knows every verb."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from nobgd import cli

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def _verbs() -> dict[str, argparse.ArgumentParser]:
    actions = cli.parser()._actions
    found = next(each for each in actions if isinstance(each, argparse._SubParsersAction))
    return dict(found.choices)


@pytest.mark.parametrize("verb", sorted(_verbs()))
def test_a_verb_has_help_like_a_manual_page(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it does, examples that begin with it, and when each exit code is given."""
    monkeypatch.setenv("COLUMNS", "100")
    text = _verbs()[verb].format_help()
    assert len(_verbs()[verb].description or "") > 50
    examples = re.search(r"^examples:\n((?:  .*\n)+)", text, re.MULTILINE)
    assert examples is not None
    assert examples[1].count(f"nobgd {verb}") >= 2
    codes = re.search(r"^exit codes:\n((?:  .*\n)+)", text, re.MULTILINE)
    assert codes is not None
    assert re.match(r"  0  ", codes[1])
    assert set(re.findall(r"^  (\d)  ", codes[1], re.MULTILINE)) <= set("0123")
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("verb", sorted(_verbs()))
def test_every_option_is_explained(verb: str) -> None:
    """No option and no argument without a word."""
    for action in _verbs()[verb]._actions:
        assert action.help or isinstance(action, argparse._SubParsersAction), action.dest


@pytest.mark.parametrize("verb", sorted(_verbs()))
def test_the_readme_names_every_verb(verb: str) -> None:
    """In its table of commands."""
    table = README.split("\n## Commands\n")[1].split("\n## ")[0]
    assert re.search(rf"`(?:nobgd )?{verb}\b", table)


def test_the_readme_names_no_verb_that_is_not_there() -> None:
    """What is written as a command can be run."""
    named = set(re.findall(r"\bnobgd ([a-z]+)(?= |`|$)", README, re.MULTILINE))
    verbs = set(_verbs())
    commands = {name for name in named if re.search(rf"[`$] ?(?:sudo )?nobgd {name}\b", README)}
    assert commands <= verbs


def test_help_is_given_without_a_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, on stdout."""
    with pytest.raises(SystemExit) as end:
        cli.main(["why", "--help"])
    assert end.value.code == 0
    assert "exit codes:" in capsys.readouterr().out


def test_an_unknown_verb_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, with the verbs there are."""
    with pytest.raises(SystemExit) as end:
        cli.main(["waht"])
    assert end.value.code == 2
    assert "status" in capsys.readouterr().err
