"""The same folder on two machines, both ways, whatever bytes its name has."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from nobgd.cluster.paths import Shares, Spot
from nobgd.values.share import is_name

_PARTS = st.binary(min_size=1, max_size=12).filter(
    lambda raw: not set(raw) & {0, 0x2F} and raw not in (b".", b"..")
)
NAMES = _PARTS.map(os.fsdecode)
HOME = Shares({"in": "/srv/photos/in", "out": "/srv/photos/out", "all": "/srv/photos"})
THERE = Shares({"in": "/mnt/in", "out": "/mnt/o/", "all": "/mnt/all"})


@given(st.lists(NAMES, max_size=4), st.sampled_from(["in", "out", "all"]))
def test_what_goes_there_comes_back(parts: list[str], share: str) -> None:
    spot = Spot(share, "/".join(parts))
    path = THERE.path(spot)
    assert path is not None
    assert THERE.spot(path) == spot
    assert os.fsdecode(os.fsencode(path)) == path


@given(st.lists(NAMES, max_size=4))
def test_the_innermost_share_has_it(parts: list[str]) -> None:
    spot = HOME.spot("/".join(["/srv/photos/in", *parts]))
    assert spot == Spot("in", "/".join(parts))


def test_what_lies_in_no_share_has_no_place() -> None:
    assert HOME.spot("/srv/photo") is None
    assert HOME.spot("/srv/photos-2/a.jpg") is None
    assert HOME.spot("/srv/photos/../x") is None
    assert HOME.spot("/srv/photos/in//x") is None


@given(st.lists(st.sampled_from(["a", "..", ".", ""]), min_size=1, max_size=4))
def test_nothing_leads_out_of_a_share(parts: list[str]) -> None:
    path = THERE.path(Spot("in", "/".join(parts)))
    if path is not None:
        assert os.path.normpath(path) == path
        assert path == "/mnt/in" or path.startswith("/mnt/in/")


def test_a_share_that_is_not_here_has_no_path() -> None:
    assert THERE.path(Spot("other", "a")) is None
    assert THERE.path(Spot("in", "/etc/passwd")) is None


def test_names_of_shares_are_plain() -> None:
    assert all(map(is_name, ("in", "out-2", "a", "a_b")))
    assert not any(map(is_name, ("", "In", "-a", "a.b", "a/b", "a" * 40, "a\n")))
