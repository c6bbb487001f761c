"""The room that other machines have follows from what was last said of each."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nobgd.pool.neighbours import HOME, Neighbours
from nobgd.values.machine import DRAINING, LOST, PROVING, REFUSED, UP, Machine

said = st.builds(
    Machine, st.sampled_from(["desk-1", "desk-2", "gpu-1"]),
    st.sampled_from([UP, PROVING, REFUSED, DRAINING, LOST]), seats=st.integers(0, 9),
    priority=st.integers(0, 9), models=st.sampled_from([(), (0,), (1,), (0, 1)]),
    jobs=st.integers(0, 3), working=st.booleans(),
)  # fmt: skip


def machine(host: str = "desk-1", state: str = UP, **change: Any) -> Machine:
    return Machine(host, state, **{"seats": 2, "priority": 5, "models": (0,), **change})


def test_faster_machines_have_one_question_more() -> None:
    """It waits at the broker; slower ones get no more than they have seats."""
    neighbours = Neighbours()
    neighbours.seen(machine("desk-1", priority=HOME))
    neighbours.seen(machine("gpu-1", priority=HOME - 1, seats=16))
    assert neighbours.room(0, faster=True) == 17
    assert neighbours.room(0, faster=False) == 19
    assert neighbours.room(1, faster=False) == 0


@given(st.lists(said))
def test_counting_is_going_over_all_of_them(many: list[Machine]) -> None:
    """Whatever was said before of the same machines."""
    neighbours = Neighbours()
    for one in many:
        neighbours.seen(one)
    up = [each for each in neighbours.others.machines if each.state == UP]
    assert neighbours.seats == sum(each.seats for each in up)
    for faster in (True, False):
        may = [each for each in up if not faster or each.priority < HOME]
        for which in (0, 1):
            able = [each for each in may if which in each.models]
            ahead = sum(each.priority < HOME for each in able)
            assert neighbours.room(which, faster=faster) == ahead + sum(e.seats for e in able)
            assert neighbours.room(which, faster=faster) <= neighbours.most(faster=faster)
        for models in ((0,), (1,), (0, 1), (1, 0)):
            able = [each for each in may if each.working and {*models} <= {*each.models}]
            assert neighbours.jobs_of(models, faster=faster) == sum(e.jobs for e in able)


def test_who_is_lost_is_not_there() -> None:
    """Nor is anybody when the link process has ended."""
    neighbours = Neighbours()
    neighbours.seen(machine("desk-1"))
    neighbours.seen(machine("desk-2", LOST))
    neighbours.reached("")
    assert [neighbours.there(host) for host in ("desk-1", "desk-2", "desk-3")] == [
        True,
        False,
        False,
    ]
    neighbours.gone("it was killed")
    assert not neighbours.there("desk-1")
    assert (neighbours.broker, neighbours.seats, neighbours.room(0, faster=False)) == (
        "it was killed", 0, 0,
    )  # fmt: skip
