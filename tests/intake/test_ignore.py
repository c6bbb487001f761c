"""Which names are not photos, and by which rule."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobgd.intake.ignore import BUILT_IN, Ignore

NAMES = st.text(st.characters(exclude_characters="/\0"), min_size=1)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        (".DS_Store", ".DS_Store"),
        ("._DSC_0001.JPG", "._*"),
        ("Thumbs.db", "Thumbs.db"),
        ("THUMBS.DB", "Thumbs.db"),
        ("@eaDir", "@eaDir"),
        ("a.jpg@SynoEAStream", "*@SynoEAStream"),
        ("#recycle", "#recycle"),
        ("$RECYCLE.BIN", "$RECYCLE.BIN"),
        ("~syncthing~a.jpg.tmp", "~syncthing~*"),
        (".syncthing.a.jpg.tmp", ".syncthing.*"),
        ("a.jpg.part", "*.part"),
        ("a.jpg.filepart", "*.filepart"),
        ("a.jpg.crdownload", "*.crdownload"),
        ("a.jpg.TMP", "*.tmp"),
        (".nfs000000000123", ".nfs*"),
        (".smbdelete1", ".smbdelete*"),
        (".fuse_hidden0001", ".fuse_hidden*"),
        ("~$a.jpg", "~$*"),
        (".a.jpg.Xy12Za", ".*"),
        ("a\n.tmp", "*.tmp"),
        ("System Volume Information", "System Volume Information"),
        ("_PAUSE", "_PAUSE"),
        ("_RETRY", "_RETRY"),
        ("_nobgd.txt", "_nobgd.txt"),
        ("a_nobg.png", "*_nobg.png"),
        ("a.png_nobg.png", "*_nobg.png"),
    ],
)
def test_built_in(name: str, rule: str) -> None:
    """What clients, NAS systems and nobgd leave behind is ignored, at any depth."""
    assert Ignore().rule(name) == rule
    assert Ignore().rule(f"2024/tour/{name}") == rule


@pytest.mark.parametrize(
    "name",
    [
        "a.jpg",
        "a.partial.jpg",
        "tmp.jpg",
        "a_nobg.jpg",
        "a_nobg.png.jpg",
        "x~$.png",
        "Ä\n\x1b.webp",
    ],
)
def test_photos(name: str) -> None:
    """Names of photos are not ignored, however odd."""
    assert Ignore().rule(name) is None
    assert Ignore().rule(os.fsdecode(b"\xff\xfe") + name) is None


def test_suffix() -> None:
    """The outputs' own suffix is what is ignored, and nothing when there is none."""
    assert Ignore(suffix="-cut").rule("a-cut.png") == "*-cut.png"
    assert Ignore(suffix="-cut").rule("a_nobg.png") is None
    assert Ignore(suffix="").rule("a_nobg.png") is None
    assert Ignore(suffix="(x)").rule("a(x).png") == "*(x).png"


def test_below_an_ignored_folder() -> None:
    """All that lies below an ignored folder is ignored by the folder's rule."""
    assert Ignore().rule("2024/@eaDir/a.jpg/x.jpg") == "@eaDir"
    assert Ignore(["raw/"]).rule("x/raw/a.jpg") == "raw/"
    assert Ignore(["raw/"]).own_rule("x/raw/a.jpg") is None


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("*.gif", "a.gif", True),
        ("*.gif", "x/y/a.gif", True),
        ("*.gif", "a.gif.jpg", False),
        ("*.gif", "a.GIF", False),
        ("raw/*.jpg", "raw/a.jpg", True),
        ("raw/*.jpg", "x/raw/a.jpg", False),
        ("raw/*.jpg", "raw/x/a.jpg", False),
        ("/a.jpg", "a.jpg", True),
        ("/a.jpg", "x/a.jpg", False),
        ("**/raw/*.jpg", "raw/a.jpg", True),
        ("**/raw/*.jpg", "x/y/raw/a.jpg", True),
        ("raw/**", "raw/x/y.jpg", True),
        ("raw/**/z.jpg", "raw/z.jpg", True),
        ("a?.jpg", "ab.jpg", True),
        ("x/a?b.jpg", "x/a/b.jpg", False),
        ("[a-c]*.jpg", "b.jpg", True),
        ("[!a-c]*.jpg", "b.jpg", False),
        ("[z-a].jpg", "[z-a].jpg", True),
        ("[!]", "[!]", True),
        ("a.b+(c)", "a.b+(c)", True),
        ("a.b", "aXb", False),
        ("keep/", "keep", False),
    ],
)
def test_globs(glob: str, path: str, matches: bool) -> None:
    """A user's glob is read as .gitignore would read it."""
    assert Ignore([glob]).rule(path) == (glob if matches else None)


def test_folders_only() -> None:
    """A glob that ends in a slash is about folders, not about files."""
    assert Ignore(["keep/"]).rule("keep", is_dir=True) == "keep/"


def test_empty_globs() -> None:
    """A glob without a name in it matches nothing."""
    assert Ignore(["", "/", "//"]).rule("a.jpg") is None


@given(st.lists(st.text()), NAMES)
def test_any_glob(globs: list[str], name: str) -> None:
    """No glob is an error, and the rule that is named is one that was given."""
    assert Ignore(globs).rule(name) in {None, "*_nobg.png", *BUILT_IN, *globs}
