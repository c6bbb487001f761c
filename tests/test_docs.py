"""The pages: each link leads somewhere, the index knows each page, each verb shown is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nobgd import cli

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Files of the repository, relative to the page."""
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    own = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in own if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_shown_exist(page: Path) -> None:
    """`nobgd VERB` in code, changelog aside, names a verb."""
    if page.name == "CHANGELOG.md":
        return
    shown = re.findall(r"`(?:sudo )?nobgd ([a-z]+)\b", page.read_text(encoding="utf-8"))
    assert set(shown) <= set(cli.VERBS)


def test_the_index_knows_every_page() -> None:
    """docs/README.md."""
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    pages = {path.name for path in ROOT.glob("docs/*.md")} - {"README.md"}
    assert pages <= set(re.findall(r"\(([a-z-]+\.md)\)", index))


def _sections(name: str) -> list[str]:
    return (ROOT / name).read_text(encoding="utf-8").split("\n## ")


def _commands(text: str) -> list[str]:
    """What stands in blocks of code, comments aside."""
    blocks = re.findall(r"```.*?\n(.*?)```", text, re.DOTALL)
    lines = [re.sub(r"\s+# .*", "", line) for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def test_both_readmes_have_the_same_sections() -> None:
    """As many headings, in the same order."""
    assert len(_sections("README.md")) == len(_sections("README.zh-CN.md"))


@pytest.mark.parametrize("number", range(len(_sections("README.zh-CN.md"))))
def test_both_readmes_say_the_same(number: int) -> None:
    """The same commands, figures, names in code and links in each section."""
    english, chinese = (_sections(name)[number] for name in ("README.md", "README.zh-CN.md"))
    assert _commands(chinese) == _commands(english)
    for what in (r"\d+(?:[.,]\d+)*", r"`[^`\n]+`", r"\]\((?!README)([^)]+)\)"):
        plain = [re.sub(r"```.*?```", "", text, flags=re.DOTALL) for text in (english, chinese)]
        found = [sorted(re.findall(what, text)) for text in plain]
        assert found[0] == found[1], what


def test_the_glossary_names_what_is_there() -> None:
    """A private word has a line, and the line a module."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = text.partition("## Glossary")[2].partition("\n## ")[0].splitlines()
    words = [row.split("|")[1].strip() for row in rows if row.startswith("| ")][1:]
    named = [name for row in rows for name in re.findall(r"`([a-z_/]+)`", row.rpartition(" | ")[2])]
    assert words == sorted(words)
    assert len(words) > 30
    home = ROOT / "daemon" / "nobgd"
    assert [name for name in named if not list(home.glob(f"{name}*"))] == []
