"""Which names are not photos, and by which rule."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nobgd.config import globs
from nobgd.config.globs import Globs
from nobgd.intake.ignore import Ignore
from nobgd.intake.leftovers import KINDS

NAMES = st.text(st.characters(exclude_characters="/\0"), min_size=1)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        (".DS_Store", ".DS_Store"),
        ("._DSC_0001.JPG", "._*"),
        ("Thumbs.db", "Thumbs.db"),
        ("THUMBS.DB", "Thumbs.db"),
        ("a.jpg@SynoEAStream", "*@SynoEAStream"),
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


def test_results_of_another_format() -> None:
    """A JPEG of ours is known where ours are JPEGs; a PNG of ours always."""
    ignore = Ignore(tail=".jpg")
    assert ignore.rule("2024/a_nobg.jpg") == "*_nobg.jpg"
    assert ignore.rule("a_nobg.png") == "*_nobg.png"
    assert ignore.rule("a_nobg.webp") is None
    said = ignore.explained("a_nobg.jpg", "*_nobg.jpg", is_dir=False)
    assert said == "matches the rule *_nobg.jpg, the name of results"


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("System Volume Information", "System Volume Information"),
        ("@eaDir", "@eaDir"),
        ("#recycle", "#recycle"),
        ("#snapshot", "#snapshot*"),
        ("@Recently-Snapshot", "@Recently-Snapshot"),
        ("@GMT-2026.01.01-00.00.00", "@GMT-*"),
        ("~snapshot", "~snapshot*"),
        (".snapshot", ".snapshot*"),
        ("Pictures.photoslibrary", "*.photoslibrary"),
        ("Old.PhotoLibrary", "*.photolibrary"),
        ("2024 Previews.lrdata", "*.lrdata"),
        ("2024.lrcat-data", "*.lrcat-data"),
        ("x.aplibrary", "*.aplibrary"),
        ("shoot.cocatalog", "*.cocatalog"),
        ("captureone", "CaptureOne"),
        ("film.fcpbundle", "*.fcpbundle"),
        (".picasaoriginals", ".picasaoriginals"),
        ("_gsdata_", "_gsdata_"),
        (".Trash-1000", ".Trash-*"),
        ("RECYCLER", "RECYCLER"),
        ("a.jpg.download", "*.download"),
        ("mipmaps-1a2b.d", "mipmaps-*.d"),
        ("letter.pages", "*.pages"),
        ("#work", "#*"),
        ("@home", "@*"),
    ],
)
def test_folders(name: str, rule: str) -> None:
    """Snapshots, libraries, previews, trash: folders that are not looked into, at any depth."""
    assert Ignore().rule(name, is_dir=True) == rule
    assert Ignore().rule(f"2024/{name}/x/a.jpg") == rule


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
    ("lines", "path", "rule"),
    [
        (["*.gif"], "a.gif", "*.gif"),
        (["*.gif"], "x/y/a.gif", "*.gif"),
        (["*.gif"], "a.gif.jpg", None),
        (["*.tif"], "A.TIF", "*.tif"),
        (["Raw/"], "x/rAW/a.jpg", "Raw/"),
        (["raw/*.jpg"], "raw/a.jpg", "raw/*.jpg"),
        (["raw/*.jpg"], "x/raw/a.jpg", None),
        (["raw/*.jpg"], "raw/x/a.jpg", None),
        (["/a.jpg"], "a.jpg", "/a.jpg"),
        (["/a.jpg"], "x/a.jpg", None),
        (["**/raw/*.jpg"], "x/y/raw/a.jpg", "**/raw/*.jpg"),
        (["raw/**"], "raw/x/y.jpg", "raw/**"),
        (["raw/**/z.jpg"], "raw/z.jpg", "raw/**/z.jpg"),
        (["a?.jpg"], "ab.jpg", "a?.jpg"),
        (["x/a?b.jpg"], "x/a/b.jpg", None),
        (["[a-c]*.jpg"], "b.jpg", "[a-c]*.jpg"),
        (["[!a-c]*.jpg"], "b.jpg", None),
        (["a.b+(c)"], "a.b+(c)", "a.b+(c)"),
        (["a.b"], "aXb", None),
        (["a"], "a\n", None),
        (["a*"], "a\nb.jpg", "a*"),
        (["keep/"], "keep", None),
        (["*.tif", "!keep.tif"], "x/KEEP.tif", None),
        (["!keep.tif", "*.tif"], "keep.tif", "*.tif"),
        (["raw/", "!keep.tif"], "raw/keep.tif", "raw/"),
        (["raw/*", "!raw/keep.tif"], "raw/keep.tif", None),
        (["*", "!*/", "!*.jpg"], "x/y/a.jpg", None),
        (["*", "!*/", "!*.jpg"], "x/y/a.tif", "*"),
        ([r"\#1"], "#1", r"\#1"),
        ([r"\!x"], "!x", r"\!x"),
        (["!@home/"], "@home/a.jpg", None),
        (["!@home/"], "@Home/@eaDir/a.jpg", "@eaDir"),
        (["!#work"], "#work/a.jpg", None),
        (["!.*"], "x/.hidden.jpg", None),
        (["!.*", "!*.tmp"], ".nobgd-0123456789abcdef.tmp", ".nobgd-*"),
        (["!*"], "_PAUSE", "_PAUSE"),
        (["!*"], "a_nobg.png", "*_nobg.png"),
        (["!@*", "@home"], "@home/a.jpg", "@*"),
    ],
)
def test_lines_of_a_user(lines: list[str], path: str, rule: str | None) -> None:
    """As in a .gitignore, the last that matches decides; ! takes built-in rules back, too."""
    assert Ignore(lines).rule(path) == rule


def test_folders_only() -> None:
    """A glob that ends in a slash is about folders, not about files."""
    assert Ignore(["keep/"]).rule("keep", is_dir=True) == "keep/"


@pytest.mark.parametrize("line", ["a//", "??//", "a//b", "//a", "!a//b"])
def test_a_line_with_two_slashes_is_refused(line: str) -> None:
    """No path holds an empty name: git takes such lines for ones that match nothing."""
    with pytest.raises(ValueError, match="write one /"):
        globs.checked(line)


LETTERS = st.text("aAb.", min_size=1, max_size=2).filter(lambda name: name.strip("."))
PATHS = st.lists(LETTERS, min_size=1, max_size=3).map("/".join)
PATTERNS = st.lists(
    st.text("aAb.*?/!", min_size=1, max_size=5) | st.sampled_from(["**/a", "a/**", "[ab]", "!*/"]),
    min_size=1, max_size=4,
)  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("git") is None:
        pytest.skip("there is no git (Debian: apt-get install git)")
    place = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", str(place)], check=True)
    subprocess.run(["git", "-C", str(place), "config", "core.ignorecase", "true"], check=True)
    return place


@given(PATTERNS, st.lists(PATHS, min_size=1, max_size=12))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_mean_what_git_takes_them_for(
    repository: Path, lines: list[str], paths: list[str]
) -> None:
    """Git itself names the same line for the same path, or none."""
    usable = []
    for line in lines:
        with contextlib.suppress(ValueError):
            usable.append(globs.checked(line))
    (repository / ".git/info/exclude").write_text("\n".join(usable))
    asked = subprocess.run(
        ["git", "-C", str(repository), "check-ignore", "-v", "-n", "-z", "--no-index", "--stdin"],
        input="\0".join(paths), capture_output=True, text=True, check=False,
    )  # fmt: skip
    words = asked.stdout.split("\0")[:-1]
    said = {words[at + 3]: words[at + 2] for at in range(0, len(words), 4)}
    ours = Ignore(usable, suffix="")
    for path, line in said.items():
        if leftovers_of(path):
            continue
        expected = None if not line or line.startswith("!") else line
        assert ours.rule(path) == expected, (usable, path, line)


def leftovers_of(path: str) -> bool:
    return any(name.startswith(".") for name in path.split("/"))


@given(NAMES, st.booleans())
def test_a_name_made_literal_matches_itself_alone(name: str, is_dir: bool) -> None:
    """So the way out that `why` gives is right for any name."""
    line = "!" + globs.literal(name)
    ours = Globs(["*", line])
    assert ours.verdict(name, is_dir=is_dir) == (line, False)
    assert ours.verdict(name + "x", is_dir=is_dir) == ("*", True)
    assert ours.verdict("x/" + name, is_dir=is_dir) == (line, False)


def test_a_surprise_is_told_with_the_way_out() -> None:
    """Of folders that a person may have meant for photos; a NAS's known ones are no surprise."""
    ours = Ignore()
    said = ours.surprise("2024/#1 [best]", "#*")
    assert said is not None
    assert r"'!\#1\ \[best\]/'" in said
    assert Ignore([r"!\#1\ \[best\]/"]).rule("2024/#1 [best]", is_dir=True) is None
    assert ours.surprise("@eaDir", "@eaDir") is None
    assert Ignore(["raw/"]).surprise("raw", "raw/") is None


@given(st.lists(st.text("abc.*?/!#[]\\"), max_size=3), NAMES)
def test_any_line(lines: list[str], name: str) -> None:
    """A line is refused with a sentence or works, and the rule that is named was given."""
    usable = []
    for line in lines:
        with contextlib.suppress(ValueError):
            usable.append(globs.checked(line))
    built_in = [glob for kind in KINDS for glob in (*kind.anything, *kind.folders)]
    assert Ignore(usable).rule(name) in {None, "*_nobg.png", *built_in, *usable}
