"""The built-in rules: what they match, what they must not, and that the page shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nobgd.intake import leftovers

PAGE = Path(__file__).parents[2] / "docs/ignored.md"
ORDINARY = [
    "2024", "Snapshots of Rome", "snapshot", "previews", "thumbs", "Thumbnails", "cache", "Trash",
    "recycled art", "downloads", "library", "Photos Library", "originals", "home @ last", "a#1",
    "Tom & Jerry~", "part", "tmp", "IMG_original", "wedding_original", "2023.bak", "catalogue",
    "CaptureOne exports", "lost and found", "keynote", "apps", "Pictures.photos", "found.art",
]  # fmt: skip


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_albums_are_looked_into(name: str) -> None:
    """Words that people use for folders, and names that only look a little like a rule's."""
    assert leftovers.rule(name, is_dir=True) is None


@pytest.mark.parametrize(
    "name",
    ["#1.jpg", "@me.jpg", "a.part.jpg", "x.photoslibrary.jpg", "~snapshot.jpg", "#snapshot.tif",
     "RECYCLER.png", "key.jpg", "a.key", "a!ut.jpg", "Wow.!.jpg", "a_original.jpg"],
)  # fmt: skip
def test_rules_for_folders_are_not_for_files(name: str) -> None:
    """A photo may be called like a NAS's folder."""
    assert leftovers.rule(name, is_dir=False) is None


def test_every_rule_matches_what_it_is_there_for() -> None:
    """Each glob with its stars and question marks filled in, in three ways to write it."""
    for kind in leftovers.KINDS:
        for glob in (*kind.anything, *kind.folders):
            name = glob.replace("*", "a1").replace("?", "7")
            for each in (name, name.upper(), name.lower()):
                found = leftovers.rule(each, is_dir=True)
                assert found is not None, each
                if glob in kind.anything:
                    assert leftovers.rule(each, is_dir=False) is not None, each
                else:
                    assert leftovers.rule(each, is_dir=False) in (None, ".*"), each


def test_the_quick_question_agrees_with_the_slow_one() -> None:
    """What one glob matches, all of them together do."""
    globs = [glob for kind in leftovers.KINDS for glob in (*kind.anything, *kind.folders)]
    every = leftovers.Names(globs)
    for glob in globs:
        name = glob.replace("*", "").replace("?", "x").lower()
        assert leftovers.Names([glob]).match(name)
        assert every.match(name)
        assert not leftovers.Names([glob]).match(name + ".jpg") or glob.endswith("*")


def test_the_page_shows_the_rules() -> None:
    """docs/ignored.md has the table that the module prints."""
    assert PAGE.read_text().split("<!-- generated -->")[1].strip() == leftovers.table()
