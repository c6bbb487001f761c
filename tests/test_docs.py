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
