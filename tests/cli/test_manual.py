"""Manual pages and completions are made of the verbs' help, and say what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from nobgd import cli
from nobgd.cli import manual


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("prefix")
    manual.write(prefix)
    return prefix / "share"


def completed(share: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    script = share / "bash-completion/completions/nobgd"
    ask = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nobgd; echo "${COMPREPLY[*]}"'
    command = ["bash", "-euc", ask, str(script), "nobgd", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_every_verb_has_a_page_of_its_own(share: Path) -> None:
    """With its options, examples and exit codes; the first one names them all."""
    pages = {path.stem: path.read_text() for path in (share / "man/man1").iterdir()}
    assert set(pages) == {"nobgd", *(f"nobgd-{verb}" for verb in cli.VERBS)}
    for verb in cli.VERBS:
        assert f".BR nobgd-{verb} (1)" in pages["nobgd"]
        for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS"):
            assert re.search(rf"^\.SH {section}", pages[f"nobgd-{verb}"], re.MULTILINE), verb
    assert "\\-\\-accept\\-licence" in pages["nobgd-models"]


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_groff_has_nothing_to_say(share: Path) -> None:
    """No warning for any page."""
    pages = sorted(map(str, (share / "man/man1").iterdir()))
    told = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", *pages], capture_output=True, text=True, check=True
    )
    assert told.stderr == ""


def test_bash_offers_what_may_come(share: Path) -> None:
    """Verbs, actions, options, values; behind an option that takes one, what comes after it."""
    assert completed(share, "") == list(cli.VERBS)
    assert completed(share, "models", "") == ["list", "fetch", "verify", "quantize"]
    assert "--from" in completed(share, "models", "fetch", "--")
    assert completed(share, "list", "--format", "") == ["table", "csv", "json"]
    assert completed(share, "-c", "run", "sta") == ["status"]
    assert completed(share, "once", "--config", "") == []  # a file: that is bash's own


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_take_theirs(share: Path, shell: str) -> None:
    """They find nothing wrong with it."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    name = {"zsh": "zsh/site-functions/_nobgd", "fish": "fish/vendor_completions.d/nobgd.fish"}
    subprocess.run([shell, "-n", str(share / name[shell])], check=True)
