"""When a file counts as finished; plain values and a clock that is an argument."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nobgd.intake.settle import Settler
from nobgd.values import Sighting

SETTLE_S = 2.0
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 2.5]),  # seconds since the look before
        st.integers(0, 1),  # size
        st.integers(0, 1),  # mtime
    ),
    max_size=12,
)


def seen(relpath: str = "a.jpg", size: int = 1, mtime_ns: int = 1) -> Sighting:
    return Sighting("/in", relpath, size, mtime_ns)


@given(STEPS)
def test_settled_means_quiet(steps: list[tuple[float, int, int]]) -> None:
    """A file settles at the first look that is settle_s after the last change, and not before."""
    settler, now = Settler(SETTLE_S), 0.0
    last, since = None, 0.0  # since None, it is as if never seen
    for wait_s, size, mtime_ns in steps:
        now += wait_s
        settled = settler.look([seen(size=size, mtime_ns=mtime_ns)], now)
        if (size, mtime_ns) != last:
            last, since = (size, mtime_ns), now
            assert settled == []
        elif now - since >= SETTLE_S:
            assert [(photo.size, photo.mtime_ns) for photo in settled] == [last]
            assert settled[0].quiet_s == now - since
            last = None
        else:
            assert settled == []


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.sampled_from([0.0, 0.7, 3.0])))
)
def test_next_look_settles(steps: list[tuple[str, int, float]]) -> None:
    """Looking whenever `next_look` says, at what is `due` then, settles every file once."""
    settler, now = Settler(SETTLE_S), 0.0
    sizes: dict[str, int] = {}
    for name, size, wait_s in steps:
        now += wait_s
        sizes[name] = size
        for photo in settler.look([seen(name, size)], now):
            del sizes[photo.relpath]
    told: list[str] = []
    while (at := settler.next_look()) is not None:
        now = max(now, at)
        due = settler.due(now)
        assert due
        told += [photo.relpath for photo in settler.look([seen(n, sizes[n]) for n in due], now)]
    assert sorted(told) == sorted(sizes)
    assert len(settler) == 0


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3)), max_size=30))
def test_due_in_order(steps: list[tuple[str, int]]) -> None:
    """The files that are due are exactly those whose time has come, the longest due first."""
    settler = Settler(SETTLE_S)
    changed: dict[str, tuple[float, int]] = {}
    for now, (name, size) in enumerate(steps):
        if [photo.relpath for photo in settler.look([seen(name, size)], float(now))]:
            del changed[name]
        elif changed.get(name, (0.0, -1))[1] != size:
            changed[name] = (float(now), size)
    end = len(steps) + 0.5
    expected = sorted((at, name) for name, (at, _) in changed.items() if at + SETTLE_S <= end)
    assert settler.due(end) == [name for _, name in expected]


def test_two_looks() -> None:
    """One look is never enough, not even without a quiet period."""
    settler = Settler(0.0)
    assert settler.look([seen()], 5.0) == []
    assert settler.next_look() == 5.0
    assert len(settler.look([seen()], 5.0)) == 1


def test_same_size_new_mtime() -> None:
    """A pre-allocated file that is being filled keeps its size, not its mtime: not settled."""
    settler = Settler(SETTLE_S)
    for now in range(10):
        assert settler.look([seen(size=9, mtime_ns=now)], float(2 * now)) == []


def test_slow_share() -> None:
    """Where looking takes long, a change counts from the end of the look, quiet to its start."""
    settler = Settler(SETTLE_S)
    settler.look([seen()], 0.0, 5.0)
    assert settler.next_look() == 7.0
    assert settler.look([seen()], 6.0, 9.0) == []
    (photo,) = settler.look([seen()], 9.0, 9.5)
    assert photo.quiet_s == 4.0


def test_again() -> None:
    """A file told once is told again a quiet period later, its quiet time running on."""
    settler = Settler(SETTLE_S)
    settler.again(seen(), since=1.0, now=10.0)
    assert settler.look([seen()], 11.0) == []
    (photo,) = settler.look([seen()], 12.0)
    assert photo.quiet_s == 11.0


def test_again_but_changed() -> None:
    """A file that changed meanwhile starts from nothing."""
    settler = Settler(SETTLE_S)
    settler.again(seen(), since=1.0, now=10.0)
    assert settler.look([seen(size=2)], 12.0) == []
    (photo,) = settler.look([seen(size=2)], 14.0)
    assert (photo.size, photo.quiet_s) == (2, 2.0)


def test_again_while_waiting() -> None:
    """To ask for a file that waits already changes nothing."""
    settler = Settler(SETTLE_S)
    settler.look([seen()], 0.0)
    settler.again(seen(), since=-9.0, now=1.0)
    (photo,) = settler.look([seen()], 2.0)
    assert photo.quiet_s == 2.0


def test_forget() -> None:
    """A file that left is not waited for, and begins anew when it returns."""
    settler = Settler(SETTLE_S)
    settler.look([seen()], 0.0)
    assert settler.forget("a.jpg")
    assert not settler.forget("a.jpg")
    assert settler.next_look() is None
    assert settler.look([seen()], 9.0) == []
    settler.clear()
    assert len(settler) == 0
