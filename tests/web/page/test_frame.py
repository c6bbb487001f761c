"""The page's frame and files: languages, words, sizes, nothing that a strict policy forbids."""

from __future__ import annotations

import gzip
import re
from importlib import resources

import pytest

from nobgd.values import Code
from nobgd.web import frame as shell

SCRIPTS = {name: each.body.decode() for name, each in shell.files().items() if name.endswith(".js")}
STATES = {"waiting", "working", "retrying", "done", "quarantined", "skipped", "gone"}
# keys that are put together: the first part, and what may follow
PARTS = {"tab_", "stage_", "code_", "period_", "format_", "background_", "crop_", "compression_",
         "ground_", "r_", "review_", "edges_", "touch_"}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "cookie", "accepts", "expected"),
    [
        (None, None, "", "en"),
        (None, None, "de-DE,de;q=0.9", "en"),
        (None, None, "de,zh-TW;q=0.8,en;q=0.9", "en"),
        (None, None, "de,zh-TW;q=0.9,en;q=0.8", "zh-CN"),
        (None, None, "zh;q=0,en", "en"),
        (None, None, "zh;q=many,*", "en"),
        (None, "zh-CN", "en", "zh-CN"),
        ("en", "zh-CN", "zh-CN", "en"),
        ("<script>", "../../etc/passwd", "zh-CN", "zh-CN"),
    ],
)
def test_language(asked: str | None, cookie: str | None, accepts: str, expected: str) -> None:
    assert shell.language(asked, cookie, accepts) == expected


def test_every_language_says_everything() -> None:
    every = [{k for k in shell.words(x) if not k.endswith("_one")} for x in shell.LANGUAGES]
    first, *others = every
    assert all(other == first for other in others)
    holes = re.compile(r"\{\w+\}")
    for key in first:
        found = {frozenset(holes.findall(shell.words(x)[key])) for x in shell.LANGUAGES}
        assert len(found) == 1, key


def test_every_word_that_a_script_asks_for_is_there() -> None:
    said = shell.words("en")
    for name, text in SCRIPTS.items():
        for key in re.findall(r'\b(?:t|button|line)\("([^"]+)"', text):
            assert key in said, f"{name} says {key}"
        for part in re.findall(r"\bt\(`(\w+_)\$", text):
            assert part in PARTS, f"{name} puts {part} together"


def test_no_word_is_said_by_nobody() -> None:
    text = "".join(SCRIPTS.values()) + shell.index("en").body.decode().partition("<script type")[0]
    template = (resources.files("nobgd.web") / "static" / "index.html").read_text()
    for key in set(shell.words("en")) - STATES:
        if not key.endswith("_one") and not any(key.startswith(part) for part in PARTS):
            assert re.search(rf'"{key}"|`{key}`|\b{key}:|{{{{{key}}}}}', text + template), key


def test_failures_have_words() -> None:
    said = shell.words("en")
    assert {f"code_{code}" for code in Code if code.blame != "nobody"} <= set(said)


def test_frame_is_filled_and_its_words_end_no_script() -> None:
    for lang in shell.LANGUAGES:
        text = shell.index(lang).body.decode()
        assert "{{" not in text
        assert f'<html lang="{lang}">' in text
        words = text.partition('id="words">')[2].partition("</script>")[0]
        assert "<" not in words


def test_nothing_that_the_policy_forbids() -> None:
    for name, text in SCRIPTS.items():
        for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                     "new Function", "srcdoc"):  # fmt: skip
            assert sink not in text, f"{name}: {sink}"
    frame = shell.index("en").body.decode()
    assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", frame)
    everything = frame + "".join(each.body.decode() for each in shell.files().values())
    assert set(re.findall(r"https?://[^\s\"']+", everything)) <= {"http://www.w3.org/2000/svg"}


def test_addresses_are_relative() -> None:
    """The page works under any sub-path of a proxy."""
    everything = shell.index("en").body.decode() + "".join(SCRIPTS.values())
    assert not re.findall(r"""(?:href|src|action)=["']/|["'`]/(?:api|static)""", everything)


def test_size() -> None:
    sizes = {name: len(each.zipped) for name, each in shell.files().items()}
    first = ("page.css", "icon.svg", "main.js", "kit.js", "photos.js")
    then = ("uploads.js", "photo.js", "viewer.js", "output.js")
    for lang in shell.LANGUAGES:
        frame = shell.index(lang)
        assert gzip.decompress(frame.zipped) == frame.body
        opened = len(frame.zipped) + sum(sizes[name] for name in first)
        assert opened <= 19_000
        assert opened + sum(sizes[name] for name in then) <= 27_000
